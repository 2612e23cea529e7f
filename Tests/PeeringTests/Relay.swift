import NIOCore
import NIOPosix
import Synchronization

@testable import Peering

/// Forwards the bytes of connections to a server, until it is told to swallow them.
final class Relay: Sendable {
    private let listener: any Channel
    private let isPaused: Paused

    final class Paused: Sendable {
        let flag = Mutex(false)
        var isSet: Bool { self.flag.withLock { $0 } }
    }

    private init(listener: any Channel, isPaused: Paused) {
        self.listener = listener
        self.isPaused = isPaused
    }

    static func start(to target: PeerAddress, group: any EventLoopGroup) async throws -> Relay {
        let isPaused = Paused()
        let listener = try await ServerBootstrap(group: group)
            .childChannelInitializer { near in
                ClientBootstrap(group: near.eventLoop)
                    .channelInitializer { far in
                        far.eventLoop.makeCompletedFuture {
                            let handler = Forward(to: near, isPaused: isPaused)
                            try far.pipeline.syncOperations.addHandler(handler)
                        }
                    }
                    .connect(host: target.host, port: target.port)
                    .flatMapThrowing { far in
                        let handler = Forward(to: far, isPaused: isPaused)
                        try near.pipeline.syncOperations.addHandler(handler)
                    }
            }
            .bind(host: "127.0.0.1", port: 0)
            .get()
        return Relay(listener: listener, isPaused: isPaused)
    }

    var address: String { "127.0.0.1:\(self.listener.localAddress?.port ?? 0)" }

    func pause() { self.isPaused.flag.withLock { $0 = true } }

    func close() async { try? await self.listener.close().get() }

    private final class Forward: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let target: any Channel
        private let isPaused: Paused

        init(to target: any Channel, isPaused: Paused) {
            self.target = target
            self.isPaused = isPaused
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard !self.isPaused.isSet else { return }
            self.target.writeAndFlush(self.unwrapInboundIn(data), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            if !self.isPaused.isSet { self.target.close(promise: nil) }
        }
    }
}
