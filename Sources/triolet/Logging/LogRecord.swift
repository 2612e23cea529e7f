import Foundation
import Logging

/// One log line, before it is written: fields in the order in which they are read.
struct LogRecord {
    let date: Date
    let level: Logger.Level
    let message: String
    let node: String
    let component: String
    /// Sorted by name.
    let fields: [(name: String, value: String)]

    init(
        _ event: LogEvent,
        label: String,
        node: String,
        metadata: Logger.Metadata,
        at date: Date
    ) {
        self.date = date
        self.level = event.level
        self.message = event.message.description
        self.node = node
        self.component = label.split(separator: ".").last.map(String.init) ?? label
        var all = metadata.merging(event.metadata ?? [:]) { _, newer in newer }
        if let error = event.error, all["error"] == nil { all["error"] = "\(error)" }
        self.fields = all.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
    }

    /// One JSON object, without a line break.
    func json() -> String {
        var line = "{\"ts\":\"\(Self.timestamp(self.date))\",\"level\":\"\(self.level.rawValue)\""
        let fields =
            [("msg", self.message), ("node", self.node), ("component", self.component)]
            + self.fields.map { ($0.name, $0.value) }
        for (name, value) in fields where !value.isEmpty {
            line += ",\(Self.quoted(name)):"
            // Numbers stay numbers, so that collectors can add them up.
            line +=
                Int(value).map { "\($0)" == value ? value : Self.quoted(value) }
                ?? Self.quoted(value)
        }
        return line + "}"
    }

    /// For eyes: "19:03:11.042 info    coordinator  copy committed  bytes=4".
    func console() -> String {
        let time = Self.timestamp(self.date).dropFirst(11).dropLast(1)
        let level = self.level.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
        let component = self.component.padding(
            toLength: max(11, self.component.count),
            withPad: " ",
            startingAt: 0
        )
        let fields = self.fields.map { "  \($0.name)=\(Self.printable($0.value))" }.joined()
        return "\(time) \(level)\(component) \(Self.printable(self.message))\(fields)"
    }

    /// RFC 3339, UTC, milliseconds.
    static func timestamp(_ date: Date) -> String {
        date.formatted(
            Date.ISO8601FormatStyle(includingFractionalSeconds: true, timeZone: .gmt)
        )
    }

    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// Control characters out: whoever names an object must not steer somebody's terminal.
    static func printable(_ text: String) -> String {
        let scalars = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }
        return String(String.UnicodeScalarView(scalars))
    }
}
