import Foundation
import Logging
import S3Protocol

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
        var all = event.metadata ?? [:]
        if !metadata.isEmpty { all.merge(metadata) { newer, _ in newer } }
        if let error = event.error, all["error"] == nil { all["error"] = "\(error)" }
        self.fields = all.map { ($0.key, Self.text($0.value)) }.sorted { $0.name < $1.name }
    }

    private static func text(_ value: Logger.MetadataValue) -> String {
        if case .string(let text) = value { text } else { "\(value)" }
    }

    /// One JSON object, without a line break.
    ///
    /// There is one for each request: most of it is copied, not put together.
    func json() -> String {
        var line = ""
        line.reserveCapacity(Self.usualBytes)
        line += "{\"ts\":\""
        line += Self.timestamp(self.date)
        line += "\",\"level\":\""
        line += self.level.rawValue
        line += "\""
        Self.add("msg", self.message, to: &line)
        Self.add("node", self.node, to: &line)
        Self.add("component", self.component, to: &line)
        for (name, value) in self.fields { Self.add(name, value, to: &line) }
        line += "}"
        return line
    }

    /// Room for the line of a request.
    private static let usualBytes = 768

    private static func add(_ name: String, _ value: String, to line: inout String) {
        if value.isEmpty { return }
        line += ","
        Self.quote(name, to: &line)
        line += ":"
        // Numbers stay numbers, so that collectors can add them up.
        if Self.isNumber(value) { line += value } else { Self.quote(value, to: &line) }
    }

    /// Whether the text is an integer as it would be written.
    private static func isNumber(_ text: String) -> Bool {
        guard let first = text.utf8.first, first == UInt8(ascii: "-") || (0x30...0x39 ~= first)
        else { return false }
        return Int(text).map { "\($0)" == text } ?? false
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
        let milliseconds = Int64((date.timeIntervalSince1970 * 1_000).rounded(.down))
        let (seconds, rest) = milliseconds.quotientAndRemainder(dividingBy: 1_000)
        guard rest >= 0 else { return CalendarTime(seconds: seconds).iso8601 }
        var text = CalendarTime(seconds: seconds).iso8601
        text.removeLast(4)
        text += "\(1_000 + rest)".dropFirst()
        text += "Z"
        return text
    }

    static func quoted(_ text: String) -> String {
        var quoted = ""
        Self.quote(text, to: &quoted)
        return quoted
    }

    private static func quote(_ text: String, to line: inout String) {
        line += "\""
        if text.utf8.allSatisfy(Self.isPlain) {
            line += text
        } else {
            for scalar in text.unicodeScalars { Self.escape(scalar, to: &line) }
        }
        line += "\""
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private static func escape(_ scalar: Unicode.Scalar, to line: inout String) {
        switch scalar {
        case "\"": line += "\\\""
        case "\\": line += "\\\\"
        case "\n": line += "\\n"
        case "\r": line += "\\r"
        case "\t": line += "\\t"
        case _ where scalar.value < 0x20 || scalar.value == 0x7F:
            let digits = String(scalar.value, radix: 16)
            line += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: line.unicodeScalars.append(scalar)
        }
    }

    /// Control characters out: whoever names an object must not steer somebody's terminal.
    static func printable(_ text: String) -> String {
        let scalars = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }
        return String(String.UnicodeScalarView(scalars))
    }
}
