import Foundation
import Glibc
import Logging
import Synchronization

/// Writes one line per event, as JSON or for eyes.
struct LineLogHandler: LogHandler {
    enum Format: String, Sendable {
        case json
        case console
    }

    let label: String
    let node: String
    let format: Format
    let output: LogOutput

    var metadataProvider: Logger.MetadataProvider?
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    init(
        label: String,
        node: String,
        format: Format,
        level: Logger.Level,
        output: LogOutput
    ) {
        self.label = label
        self.node = node
        self.format = format
        self.logLevel = level
        self.output = output
    }

    func log(event: LogEvent) {
        var metadata = self.metadata
        if let provided = self.metadataProvider?.get() {
            metadata.merge(provided) { own, _ in own }
        }
        let record = LogRecord(
            event,
            label: self.label,
            node: self.node,
            metadata: metadata,
            at: Date()
        )
        self.output.write(self.format == .json ? record.json() : record.console())
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }
}

/// Where log lines go: whole lines, one after the other.
final class LogOutput: Sendable {
    private let lines: Mutex<@Sendable (String) -> Void>

    init(_ write: @escaping @Sendable (String) -> Void) { self.lines = Mutex(write) }

    /// Standard error.
    static let standardError = LogOutput { line in
        var line = line
        line += "\n"
        line.withUTF8 { unsafe LogOutput.send($0) }
    }

    private static func send(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let start = bytes.baseAddress else { return }
        var sent = 0
        while sent < bytes.count {
            let count = unsafe Glibc.write(STDERR_FILENO, start + sent, bytes.count - sent)
            if count < 0, errno == EINTR { continue }
            // A closed standard error is no reason to stop.
            guard count > 0 else { return }
            sent += count
        }
    }

    func write(_ line: String) { self.lines.withLock { $0(line) } }
}

extension NodeConfiguration.Log {
    /// Makes every logger of the process write like this.
    ///
    /// Once per process.
    func bootstrap(node: String) {
        let level = Logger.Level(rawValue: self.level) ?? .info
        let format: LineLogHandler.Format =
            switch self.format {
            case "json": .json
            case "console": .console
            default: isatty(STDERR_FILENO) == 1 ? .console : .json
            }
        LoggingSystem.bootstrap { label in
            LineLogHandler(
                label: label,
                node: node,
                format: format,
                level: level,
                output: .standardError
            )
        }
    }
}
