import Foundation
import Logging
import S3Gateway
import S3Protocol
import StoreModel

/// One log line, before it is written: fields in the order in which they are read.
struct LogRecord {
    private enum Field {
        case value(String)
        /// Several, which are written where they stand.
        case fields(any LogFields)
    }

    private let date: Date
    private let level: Logger.Level
    private let message: String
    private let node: String
    private let component: String
    /// Sorted by name.
    private let fields: [(name: String, field: Field)]

    init(_ event: LogEvent, of handler: LineLogHandler, at date: Date) {
        self.date = date
        self.level = event.level
        self.message = event.message.description
        self.node = handler.node
        self.component = handler.component
        var all = event.metadata ?? [:]
        if !handler.metadata.isEmpty { all.merge(handler.metadata) { newer, _ in newer } }
        if let provided = handler.metadataProvider?.get() {
            all.merge(provided) { newer, _ in newer }
        }
        if let error = event.error, all["error"] == nil { all["error"] = "\(error)" }
        var fields = all.map { (name: $0.key, field: Self.field($0.value)) }
        if fields.count > 1 { fields.sort { $0.name < $1.name } }
        self.fields = fields
    }

    private static func field(_ value: Logger.MetadataValue) -> Field {
        switch value {
        case .string(let text): .value(text)
        case .stringConvertible(let fields as any LogFields): .fields(fields)
        default: .value("\(value)")
        }
    }

    // MARK: JSON

    /// Room for the line of a request.
    private static let usualBytes = 768

    /// One JSON object and the end of its line.
    ///
    /// There is one for each request: most of it is copied, not put together.
    func json() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.usualBytes)
        bytes += #"{"ts":""#.utf8
        Self.writeTimestamp(self.date, into: &bytes)
        bytes += #"","level":""#.utf8
        bytes += self.level.rawValue.utf8
        bytes += #"""#.utf8
        Self.add("msg", self.message, to: &bytes)
        Self.add("node", self.node, to: &bytes)
        Self.add("component", self.component, to: &bytes)
        for (name, field) in self.fields {
            switch field {
            case .value(let text): Self.add(name, text, to: &bytes)
            case .fields(let fields):
                fields.forEach { name, value in
                    switch value {
                    case .text(let text): Self.add(name, text, isText: true, to: &bytes)
                    case .number(let number):
                        Self.begin(name, in: &bytes)
                        bytes += String(number).utf8
                    }
                }
            }
        }
        bytes += "}\n".utf8
        return bytes
    }

    private static func begin(_ name: String, in bytes: inout [UInt8]) {
        bytes += ",".utf8
        Self.quote(name, into: &bytes)
        bytes += ":".utf8
    }

    private static func add(
        _ name: String,
        _ value: String,
        isText: Bool = false,
        to bytes: inout [UInt8]
    ) {
        if value.isEmpty { return }
        Self.begin(name, in: &bytes)
        // Numbers stay numbers, so that collectors can add them up.
        if !isText, Self.isNumber(value) {
            bytes += value.utf8
        } else {
            Self.quote(value, into: &bytes)
        }
    }

    /// Whether the text is an integer as it would be written.
    private static func isNumber(_ text: String) -> Bool {
        guard let first = text.utf8.first, first == UInt8(ascii: "-") || (0x30...0x39 ~= first)
        else { return false }
        return Int(text).map { "\($0)" == text } ?? false
    }

    static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = []
        Self.quote(text, into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func quote(_ text: String, into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        if text.utf8.allSatisfy(Self.isPlain) {
            bytes += text.utf8
        } else {
            for byte in text.utf8 { Self.escape(byte, into: &bytes) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    /// What has to be escaped is one byte long in UTF-8.
    private static func escape(_ byte: UInt8, into bytes: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""): bytes += #"\""#.utf8
        case UInt8(ascii: "\\"): bytes += #"\\"#.utf8
        case UInt8(ascii: "\n"): bytes += #"\n"#.utf8
        case UInt8(ascii: "\r"): bytes += #"\r"#.utf8
        case UInt8(ascii: "\t"): bytes += #"\t"#.utf8
        case _ where !Self.isPlain(byte):
            bytes += #"\u00"#.utf8
            bytes += Hexadecimal.text([byte]).utf8
        default: bytes.append(byte)
        }
    }

    /// RFC 3339, UTC, milliseconds.
    private static func writeTimestamp(_ date: Date, into bytes: inout [UInt8]) {
        let milliseconds = Int64((date.timeIntervalSince1970 * 1_000).rounded(.down))
        let (seconds, rest) = milliseconds.quotientAndRemainder(dividingBy: 1_000)
        let time = CalendarTime(seconds: seconds)
        time.writeISO8601(milliseconds: max(0, Int(rest)), into: &bytes)
    }

    // MARK: Console

    /// For eyes: "19:03:11.042 info    coordinator  copy committed  bytes=4".
    func console() -> String {
        let time = Self.timestamp(self.date).dropFirst(11).dropLast(1)
        let level = self.level.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
        let component = self.component.padding(
            toLength: max(11, self.component.count),
            withPad: " ",
            startingAt: 0
        )
        var fields = ""
        for (name, field) in self.fields {
            switch field {
            case .value(let text): fields += "  \(name)=\(Self.printable(text))"
            case .fields(let several):
                several.forEach { fields += "  \($0)=\(Self.printable("\($1)"))" }
            }
        }
        return "\(time) \(level)\(component) \(Self.printable(self.message))\(fields)"
    }

    private static func timestamp(_ date: Date) -> String {
        var bytes: [UInt8] = []
        Self.writeTimestamp(date, into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Control characters out: whoever names an object must not steer somebody's terminal.
    static func printable(_ text: String) -> String {
        let scalars = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }
        return String(String.UnicodeScalarView(scalars))
    }
}
