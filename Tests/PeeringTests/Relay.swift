import NIOCore
import NIOPosix
import Synchronization
import TestSupport

@testable import Peering

/// Forwards the bytes of connections to a server, until it is told to swallow them, or breaks them
/// after numbers of bytes that are drawn from a seed.
final class Relay: Sendable {
    private let listener: any Channel
    private let isPaused: Paused

    final class Paused: Sendable {
        let flag = Mutex(false)
        var isSet: Bool { self.flag.withLock { $0 } }
    }

    private final class Cuts: Sendable {
        private let cuts: Bool
        private let random: Mutex<SplitMix64>

        init(seed: UInt64?) {
            self.cuts = seed != nil
            self.random = Mutex(SplitMix64(seed: seed ?? 0))
        }

        /// Up to 8 MiB, few bytes as likely as many; never, without a seed.
        func next() -> Int {
            guard self.cuts else { return .max }
            return self.random.withLock { random in
                let size = UInt64.random(in: 10...23, using: &random)
                return Int(random.next() % (1 << size)) + 1
            }
        }
    }

    private init(listener: any Channel, isPaused: Paused) {
        self.listener = listener
        self.isPaused = isPaused
    }

    static func start(
        to target: PeerAddress,
        group: any EventLoopGroup,
        cuts seed: UInt64? = nil
    ) async throws -> Relay {
        let isPaused = Paused()
        let cuts = Cuts(seed: seed)
        let listener = try await ServerBootstrap(group: group)
            .childChannelInitializer { near in
                ClientBootstrap(group: near.eventLoop)
                    .channelInitializer { far in
                        far.eventLoop.makeCompletedFuture {
                            let handler = Forward(
                                to: near,
                                isPaused: isPaused,
                                cutAfter: cuts.next()
                            )
                            try far.pipeline.syncOperations.addHandler(handler)
                        }
                    }
                    .connect(host: target.host, port: target.port)
                    .flatMapThrowing { far in
                        let handler = Forward(to: far, isPaused: isPaused, cutAfter: cuts.next())
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
        /// Bytes until the connection breaks.
        private var left: Int

        init(to target: any Channel, isPaused: Paused, cutAfter bytes: Int) {
            self.target = target
            self.isPaused = isPaused
            self.left = bytes
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard !self.isPaused.isSet else { return }
            var bytes = self.unwrapInboundIn(data)
            let passed = bytes.readSlice(length: min(self.left, bytes.readableBytes))
            if let passed { self.target.writeAndFlush(passed, promise: nil) }
            self.left -= passed?.readableBytes ?? 0
            guard self.left == 0 else { return }
            self.target.close(promise: nil)
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            if !self.isPaused.isSet { self.target.close(promise: nil) }
        }
    }
}
