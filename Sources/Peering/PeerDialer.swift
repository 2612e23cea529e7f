import Crypto
import Logging
import NIOCore
import NIOPosix
import Runtime
import StoreModel
import Synchronization

/// Makes connections and authenticates them.
final class PeerDialer: Sendable {
    let settings: PeeringSettings
    /// Bytes of long replies held on their way in.
    let budget: ByteBudget
    let instruments = PeerInstruments()
    let logger: Logger
    private let key: SymmetricKey
    private let connected = Mutex(0)
    private let failures = Mutex(DialFailures())

    init(settings: PeeringSettings, logger: Logger) {
        settings.checkInvariants()
        self.settings = settings
        self.budget = ByteBudget(bytes: settings.replyBytes)
        self.key = settings.secret.handshakeKey(cluster: settings.cluster)
        self.logger = logger
    }

    func didConnect() { self.count(1) }
    func didDisconnect() { self.count(-1) }

    private func count(_ change: Int) {
        self.connected.withLock { connected in
            connected += change
            self.instruments.connected(connected)
        }
    }

    /// Connects, and has both ends prove themselves.
    ///
    /// `expected` is the node that must answer, if it is known. `accept` is called on the loop with
    /// the node that answered, before its first frame is read; it puts the next handler into the
    /// pipeline or closes the channel.
    /// - Returns: the node; fails with what went wrong, the connection closed.
    func dial(
        _ address: PeerAddress,
        on loop: any EventLoop,
        expected: NodeID?,
        accept: @escaping @Sendable (NodeID, any Channel) throws -> Void
    ) -> EventLoopFuture<NodeID> {
        let dialed = loop.makePromise(of: NodeID.self)
        ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(self.settings.connectTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.writeBufferWaterMark, value: .init(low: 256 << 10, high: 512 << 10))
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 256))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = self.handshakeHandler { result, channel in
                        do {
                            let node = try result.get()
                            if let expected, node != expected {
                                throw HandshakeError.unexpectedNode(node)
                            }
                            try accept(node, channel)
                            self.failures.withLock { $0.forget(address, expected) }
                            dialed.succeed(node)
                        } catch {
                            self.failed(address, expected, error)
                            dialed.fail(error)
                            channel.close(promise: nil)
                        }
                    }
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .connect(host: address.host, port: address.port)
            .whenFailure { dialed.fail($0) }
        return dialed.futureResult
    }

    private func handshakeHandler(
        _ completion: @escaping (Result<NodeID, HandshakeError>, any Channel) -> Void
    ) -> HandshakeHandler {
        let handshake = Handshake(
            role: .dialer,
            own: self.settings.own,
            key: self.key,
            nonce: Handshake.freshNonce()
        )
        return HandshakeHandler(
            handshake,
            timeout: self.settings.handshakeTimeout,
            completion: completion
        )
    }

    private func failed(_ address: PeerAddress, _ expected: NodeID?, _ error: any Error) {
        self.instruments.failed()
        let reason = "\(error)"
        let times = self.failures.withLock { $0.count(address, expected, reason) }
        // One that is not what we expect is dialed again and again: all of it is in the metric.
        self.logger.log(
            level: DialFailures.isWorthSaying(times) ? .warning : .debug,
            "peer handshake failed",
            metadata: ["peer.address": "\(address)", "reason": "\(reason)", "times": "\(times)"]
        )
    }
}
