import Metrics
import NIOCore
import Wire

/// What the peer connections report.
///
/// Rows: docs/operations/metrics.md.
struct PeerInstruments: Sendable {
    private let sentBytes = Counter(label: "peer_sent_bytes_total")
    private let receivedBytes = Counter(label: "peer_received_bytes_total")
    private let errors = Counter(label: "peer_errors_total")
    private let connectedPeers = Gauge(label: "peer_connected")
    private let roundTrip = Metrics.Timer(label: "peer_roundtrip_seconds")
    private let sentMessages = Counter(
        label: "peer_messages_total",
        dimensions: [("direction", "sent")]
    )
    private let receivedMessages = Counter(
        label: "peer_messages_total",
        dimensions: [("direction", "received")]
    )
    private let sentBodyBytes = Counter(
        label: "peer_body_bytes_total",
        dimensions: [("direction", "sent")]
    )
    private let receivedBodyBytes = Counter(
        label: "peer_body_bytes_total",
        dimensions: [("direction", "received")]
    )

    /// A connection was refused or broke the protocol.
    func failed() { self.errors.increment() }

    func sent(bytes: Int) { self.sentBytes.increment(by: bytes) }

    func received(bytes: Int) { self.receivedBytes.increment(by: bytes) }

    func connected(_ count: Int) { self.connectedPeers.record(count) }

    func replied(after elapsed: TimeAmount) {
        self.roundTrip.recordNanoseconds(elapsed.nanoseconds)
    }

    func sent(_ prefix: MessagePrefix) {
        self.sentMessages.increment()
        if prefix.bodyBytes > 0 { self.sentBodyBytes.increment(by: prefix.bodyBytes) }
    }

    func received(_ prefix: MessagePrefix) {
        self.receivedMessages.increment()
        if prefix.bodyBytes > 0 { self.receivedBodyBytes.increment(by: prefix.bodyBytes) }
    }
}
