import Foundation
import Glibc
import Logging

/// Writes one line per event, as JSON or for eyes.
struct LineLogHandler: LogHandler {
    enum Format: String, Sendable {
        case json
        case console
    }

    let node: String
    /// The last part of the logger's label.
    let component: String
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
        self.node = node
        self.component = label.split(separator: ".").last.map(String.init) ?? label
        self.format = format
        self.logLevel = level
        self.output = output
    }

    /// Warnings are sent at once, and so is what somebody watches.
    func log(event: LogEvent) {
        let record = LogRecord(event, of: self, at: Date())
        let line = self.format == .json ? record.json() : Array("\(record.console())\n".utf8)
        self.output.add(line, isUrgent: event.level >= .warning || self.format == .console)
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }
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
        atexit { LogOutput.standardError.flush() }
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
