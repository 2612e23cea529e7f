import Logging
import Synchronization

/// Keeps what is logged.
final class LogLines: LogHandler {
    private let lines = Mutex<[Logger.Metadata]>([])

    var all: [Logger.Metadata] { self.lines.withLock { $0 } }

    /// All lines once there are so many, or after a while: a line follows the answer it is about.
    func all(atLeast count: Int) async throws -> [Logger.Metadata] {
        for _ in 0..<2_000 where self.all.count < count {
            try await Task.sleep(for: .milliseconds(2))
        }
        return self.all
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
        self.lines.withLock { $0.append(event.metadata ?? [:]) }
    }
}
