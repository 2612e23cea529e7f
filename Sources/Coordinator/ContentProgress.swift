import Runtime
import StoreModel
import Synchronization

/// How far the content of a joint layout is handed over, from one pass to the next.
///
/// Once all manifests have been looked at, only what fell short then is looked at again: whoever
/// stores more sees to it himself (`Coordinator.secure`).
final class ContentProgress: Sendable {
    /// How a chunk stands that is not on all of its homes.
    enum Standing: Hashable, Sendable {
        /// So many nodes that stay have it as acknowledge a write.
        case enough
        /// Fewer, and somebody has it.
        case scarce
        /// Nobody who answers has it whole.
        case lost
    }

    /// Most chunks remembered; if more fall short all manifests are looked at again.
    static let shortMax = 4_096
    private struct State {
        /// Of the first pass, in nanoseconds of ``TimeSource``.
        var began: UInt64?
        var short: [Shortage]?
    }

    private let state = Mutex(State())

    /// Notes that a pass begins.
    ///
    /// - Returns: nanoseconds since the first one began.
    func begin(_ now: UInt64) -> UInt64 {
        self.state.withLock { state in
            let began = state.began ?? now
            state.began = began
            return now.elapsed(since: began)
        }
    }

    /// What is known to fall short; nil as long as not all manifests have been looked at.
    var short: [Shortage]? {
        get { self.state.withLock { $0.short } }
        set { self.state.withLock { $0.short = newValue } }
    }
}
