import Runtime
import StoreModel
import Synchronization

/// Which nodes were too slow lately.
///
/// Only a matter of speed: a suspect node gets no chunks that others can take, for a short while.
final class NodeHealth: Sendable {
    private let suspects = Mutex<[NodeID: UInt64]>([:])
    private let time: any TimeSource
    private let suspicion: Duration

    init(time: any TimeSource, suspicion: Duration) {
        self.time = time
        self.suspicion = suspicion
    }

    func suspect(_ node: NodeID) {
        let now = self.time.nanoseconds
        self.suspects.withLock { $0[node] = now }
    }

    func isSuspect(_ node: NodeID) -> Bool {
        let now = self.time.nanoseconds
        return self.suspects.withLock { suspects in
            guard let since = suspects[node] else { return false }
            // Somebody else may have noted it since `now` was read.
            let age = Duration.nanoseconds(Int64(now - min(since, now)))
            if age < self.suspicion { return true }
            suspects[node] = nil
            return false
        }
    }
}
