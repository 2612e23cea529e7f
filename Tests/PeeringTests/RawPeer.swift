import NIOCore
import NIOPosix
import StoreModel
import Wire

@testable import Peering

/// A bare socket to a peer port, for bytes that no honest node would send.
final class RawPeer: Sendable {
    private let channel: any Channel
    private let inbox: Inbox

    /// What has come, in order; touched on the loop of the channel.
    private final class Inbox: Sendable {
        let received: NIOLoopBoundBox<ByteBuffer>

        init(_ loop: any EventLoop) {
            self.received = NIOLoopBoundBox.makeBoxSendingValue(ByteBuffer(), eventLoop: loop)
        }
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let inbox: Inbox

        init(_ inbox: Inbox) { self.inbox = inbox }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.inbox.received.value.writeImmutableBuffer(self.unwrapInboundIn(data))
        }
    }

    private init(channel: any Channel, inbox: Inbox) {
        self.channel = channel
        self.inbox = inbox
    }

    static func connect(
        to address: PeerAddress,
        group: any EventLoopGroup,
        reads: Bool = true
    ) async throws -> RawPeer {
        let loop = group.next()
        let inbox = Inbox(loop)
        let channel = try await ClientBootstrap(group: loop)
            .channelOption(.autoRead, value: reads)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(inbox))
                }
            }
            .connect(host: address.host, port: address.port)
            .get()
        return RawPeer(channel: channel, inbox: inbox)
    }

    func send(_ bytes: ByteBuffer) async throws {
        try await self.channel.writeAndFlush(bytes).get()
    }

    /// Everything that has come so far.
    func received() async throws -> ByteBuffer {
        try await self.channel.eventLoop.submit { [inbox] in inbox.received.value }.get()
    }

    /// Waits for `count` bytes in all.
    func receive(_ count: Int) async throws -> ByteBuffer {
        _ = try await eventually { try await self.received().readableBytes >= count }
        return try await self.received()
    }

    func setReading(_ reads: Bool) async throws {
        try await self.channel.setOption(.autoRead, value: reads).get()
    }

    var isClosed: Bool { !self.channel.isActive }

    func close() async { try? await self.channel.close().get() }

    /// Goes through the handshake as an honest dialer, and leaves nothing received.
    func authenticate(as node: NodeID = PeerPair.clientNode) async throws {
        guard let secret = ClusterSecret(PeerPair.secret) else { throw SetUpError.badSecret }
        var handshake = Handshake(
            role: .dialer,
            own: node,
            key: secret.handshakeKey(cluster: ""),
            nonce: Handshake.freshNonce()
        )
        try await self.send(ByteBuffer(bytes: handshake.opening))
        var received = try await self.receive(HandshakeHello.byteCount)
        guard case .send(let proof) = try handshake.receive(&received) else { return }
        try await self.send(ByteBuffer(bytes: proof))
        received = try await self.receive(HandshakeHello.byteCount + Handshake.proofBytes)
        received.moveReaderIndex(forwardBy: HandshakeHello.byteCount)
        guard case .finished = try handshake.receive(&received) else { return }
        try await self.channel.eventLoop.submit { [inbox] in inbox.received.value.clear() }.get()
    }
}
