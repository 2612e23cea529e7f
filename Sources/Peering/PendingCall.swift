import NIOCore
import Runtime
import Synchronization

/// A call on its way to the loop of its link.
///
/// Cancelling may overtake the call's own start: then the start finds the mark.
final class PendingCall: Sendable {
    let request: PeerMessage
    let deadline: NIODeadline
    let begin = NIODeadline.now()
    private let cancelled = Mutex(false)

    init(_ request: PeerMessage, within timeout: Duration) {
        self.request = request
        self.deadline = self.begin + TimeAmount(timeout)
    }

    var isCancelled: Bool { self.cancelled.withLock { $0 } }

    func cancel() { self.cancelled.withLock { $0 = true } }
}

/// What a call ends with.
typealias CallResult = Result<PeerMessage, NetworkError>
