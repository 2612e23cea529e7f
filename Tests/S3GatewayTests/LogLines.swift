import Logging
import Synchronization

@testable import S3Gateway

/// Keeps what is logged.
final class LogLines: LogHandler {
    private let lines = Mutex<[Logger.Metadata]>([])

    var all: [Logger.Metadata] { self.lines.withLock { $0 } }

    /// The lines of one sort of request, once there is one: a line follows the answer it is about.
    func lines(of operation: String) async throws -> [Logger.Metadata] {
        func found() -> [Logger.Metadata] {
            self.all.filter { $0["op"]?.description == operation }
        }
        for _ in 0..<2_000 where found().isEmpty {
            try await Task.sleep(for: .milliseconds(2))
        }
        return found()
    }

    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }

    var logLevel: Logger.Level {
        get { .info }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        var metadata: Logger.Metadata = [:]
        for (name, value) in event.metadata ?? [:] {
            if case .stringConvertible(let value as any LogFields) = value {
                value.forEach { metadata[$0] = "\($1)" }
            } else {
                metadata[name] = value
            }
        }
        self.lines.withLock { $0.append(metadata) }
    }
}
