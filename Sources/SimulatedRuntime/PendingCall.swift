import Runtime
import StoreModel
import Synchronization

/// A call whose caller waits for the first of: reply, failure, timeout, cancellation.
final class PendingCall: Sendable {
    typealias Outcome = Result<PeerMessage, NetworkError>

    private enum State {
        case idle
        case waiting(Wakeup<Outcome>)
        case ended(Outcome)
    }

    let target: NodeID
    let timeout: Alarm
    private let state = Mutex(State.idle)
    private let delivered = Mutex(false)

    init(to target: NodeID) {
        self.target = target
        self.timeout = Alarm()
    }

    var isOver: Bool {
        self.state.withLock { state in
            if case .ended = state { return true }
            return false
        }
    }

    /// Whether the node has had a copy of the request.
    var isDelivered: Bool { self.delivered.withLock { $0 } }

    func deliver() { self.delivered.withLock { $0 = true } }

    /// Has the caller wait.
    ///
    /// It goes on at once if the call is over.
    func wait(_ wakeup: Wakeup<Outcome>) {
        let outcome: Outcome? = self.state.withLock { state in
            if case .ended(let outcome) = state { return outcome }
            state = .waiting(wakeup)
            return nil
        }
        if let outcome { wakeup.resume(returning: outcome) }
    }

    /// Ends the call; only the first end counts.
    func end(_ outcome: Outcome) {
        let wakeup: Wakeup<Outcome>? = self.state.withLock { state in
            switch state {
            case .ended: return nil
            case .idle:
                state = .ended(outcome)
                return nil
            case .waiting(let wakeup):
                state = .ended(outcome)
                return wakeup
            }
        }
        self.timeout.disarm()
        wakeup?.resume(returning: outcome)
    }
}
