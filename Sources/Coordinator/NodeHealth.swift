import Runtime
import StoreModel
import Synchronization

/// Which nodes were too slow lately.
///
/// Only a matter of speed: a suspect node gets no chunks that others can take, and is asked last,
/// until it has answered again. One of those who would ask it finds that out every so often, while
/// the others leave it alone. A node that is slow is not *away* as long as it answers at all.
final class NodeHealth: Sendable {
    private struct Suspicion {
        /// Monotonic nanoseconds.
        var since: UInt64
        /// When somebody was last let through to it.
        var tried: UInt64
    }

    private let suspects = Mutex<[NodeID: Suspicion]>([:])
    /// When each node last answered something, however late, in monotonic nanoseconds.
    private let answers = Mutex<[NodeID: UInt64]>([:])
    private let time: any TimeSource
    private let suspicion: UInt64

    /// - Parameters:
    ///   - time: Where the time comes from.
    ///   - suspicion: How long a node is left alone.
    init(time: any TimeSource, suspicion: Duration) {
        self.time = time
        self.suspicion = suspicion.wholeMicroseconds * 1_000
    }

    func suspect(_ node: NodeID) {
        let now = self.time.nanoseconds
        self.suspects.withLock { $0[node] = Suspicion(since: now, tried: now) }
    }

    /// It has answered, whether in good time or not.
    func heard(_ node: NodeID) {
        let now = self.time.nanoseconds
        self.answers.withLock { $0[node] = now }
    }

    /// Whether a node has answered anything within the last while.
    func isHeard(_ node: NodeID, within silence: Duration) -> Bool {
        let now = self.time.nanoseconds
        guard let last = self.answers.withLock({ $0[node] }) else { return false }
        return now.elapsed(since: last) <= silence.wholeMicroseconds * 1_000
    }

    /// Whether a node has answered anything since a time.
    func isHeard(_ node: NodeID, since time: UInt64) -> Bool {
        self.answers.withLock { $0[node].map { $0 >= time } } ?? false
    }

    /// Whether a node is suspect and has answered nothing for a while: not slow, but gone or at a
    /// standstill.
    func isAway(_ node: NodeID, silentFor silence: Duration) -> Bool {
        self.isSuspect(node) && !self.isHeard(node, within: silence)
    }

    /// It has answered in good time.
    func trust(_ node: NodeID) { self.suspects.withLock { $0[node] = nil } }

    func isSuspect(_ node: NodeID) -> Bool {
        let now = self.time.nanoseconds
        return self.suspects.withLock { suspects in
            guard let suspicion = suspects[node] else { return false }
            return now.elapsed(since: suspicion.since) < self.suspicion
        }
    }

    /// Splits nodes, each in the order given, for somebody who is going to ask the first ones.
    ///
    /// Of all who come after a suspicion has ended, one finds the node among the trusted, and the
    /// others only once it has answered or another such time has passed.
    ///
    /// - Parameters:
    ///   - nodes: All that may be asked, best first.
    ///   - count: How many of them are asked first.
    /// - Returns: those to ask, and those to ask last.
    func split(
        _ nodes: [NodeID],
        asking count: Int
    ) -> (trusted: [NodeID], suspects: [NodeID]) {
        let now = self.time.nanoseconds
        return self.suspects.withLock { suspects in
            if suspects.isEmpty { return (nodes, []) }
            var (trusted, suspect): ([NodeID], [NodeID]) = ([], [])
            for (index, node) in nodes.enumerated() {
                guard let suspicion = suspects[node] else {
                    trusted.append(node)
                    continue
                }
                if index < count, now.elapsed(since: suspicion.tried) >= self.suspicion {
                    suspects[node]?.tried = now
                    trusted.append(node)
                } else {
                    suspect.append(node)
                }
            }
            return (trusted, suspect)
        }
    }
}
