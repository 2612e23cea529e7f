import Runtime
import StoreModel
import Synchronization

/// The starts of other nodes as they have said, and the numbers of this coordinator's requests.
final class KnownStarts: Sendable {
    /// How long (10 s) a start is taken for the present one after the node was last heard.
    private static let ageMax: UInt64 = 10_000_000_000

    private struct State {
        var starts: [NodeID: (incarnation: UInt32, since: UInt64)] = [:]
        var number: UInt64 = 0
    }

    private let state = Mutex(State())

    /// From 1, each once.
    func nextNumber() -> UInt64 {
        self.state.withLock { state in
            state.number += 1
            return state.number
        }
    }

    func start(of node: NodeID, now: UInt64) -> UInt32? {
        self.state.withLock { state in
            guard let known = state.starts[node], now.elapsed(since: known.since) <= Self.ageMax
            else {
                return nil
            }
            return known.incarnation
        }
    }

    /// Whether a node whose start is known was not heard after a time.
    func isSilent(_ node: NodeID, since time: UInt64) -> Bool {
        self.state.withLock { state in
            guard let known = state.starts[node] else { return false }
            return known.since <= time
        }
    }

    func note(_ incarnation: UInt32, of node: NodeID, now: UInt64) {
        self.state.withLock { $0.starts[node] = (incarnation, now) }
    }

    /// The node has started again: what was known of it is of the past.
    func noticed(_ incarnation: UInt32, of node: NodeID) {
        self.state.withLock { state in
            guard let known = state.starts[node], known.incarnation < incarnation else { return }
            state.starts[node] = nil
        }
    }

    func forget(_ node: NodeID) { self.state.withLock { $0.starts[node] = nil } }
}
