import NIOCore

/// How fast a body arrives while the server waits for it.
///
/// Time in which nobody asked for bytes does not count: back-pressure is not the client's fault.
struct BodyRate {
    private var waited: TimeAmount = .zero
    private var bytes = 0
    private var since: NIODeadline?

    /// - Returns: how long to wait before looking at the rate.
    mutating func beginWaiting(window: Duration) -> Duration {
        self.since = .now()
        let left = window - .nanoseconds(self.waited.nanoseconds)
        return max(left, .zero)
    }

    mutating func endWaiting(bytes: Int) {
        if let since { self.waited = self.waited + (.now() - since) }
        self.since = nil
        self.bytes += bytes
    }

    /// To be asked at the end of a window.
    func isEnough(limits: HTTPLimits) -> Bool {
        self.bytes >= limits.bodyRate * Int(limits.bodyWindow.components.seconds)
    }
}
