import NIOCore
import StoreModel

/// Carries out the handshake on a new connection, then makes way for the frames.
///
/// Until the other end has proved itself it can make us hold 56 bytes, for `timeout`.
final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let timeout: Duration
    /// Called once, on the loop.
    ///
    /// On success it puts the next handler behind this one.
    private let completion: (Result<NodeID, HandshakeError>, any Channel) -> Void
    private var handshake: Handshake
    private var pending = ByteBuffer()
    private var receivedBytes = 0
    private var timer: Scheduled<Void>?
    private var isDone = false
    private var isProved = false
    /// Somebody who sends before being asked is refused; the dialer may get the first frames early.
    private let isListener: Bool

    init(
        _ handshake: Handshake,
        timeout: Duration,
        completion: @escaping (Result<NodeID, HandshakeError>, any Channel) -> Void
    ) {
        self.handshake = handshake
        self.isListener = handshake.opening.isEmpty
        self.timeout = timeout
        self.completion = completion
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { self.begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        self.begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard self.timer == nil, !self.isDone else { return }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        self.timer = context.eventLoop.scheduleTask(in: TimeAmount(self.timeout)) {
            let (handler, context) = bound.value
            handler.fail(.timedOut, context)
        }
        self.send(self.handshake.opening, context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        guard !self.isDone else { return context.fireChannelRead(data) }
        self.receivedBytes += bytes.readableBytes
        while !self.isDone, bytes.readableBytes > 0 {
            let missing = self.handshake.expectedBytes - self.pending.readableBytes
            if let part = bytes.readSlice(length: min(missing, bytes.readableBytes)) {
                self.pending.writeImmutableBuffer(part)
            }
            guard self.pending.readableBytes == self.handshake.expectedBytes else { continue }
            if self.isListener, bytes.readableBytes > 0 {
                return self.fail(.extraBytes(bytes.readableBytes), context)
            }
            self.step(context)
        }
        guard self.isProved else { return }
        // Frames that came with the last proof go to the handler that now stands behind this one.
        if bytes.readableBytes > 0 { context.fireChannelRead(NIOAny(bytes)) }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    private func step(_ context: ChannelHandlerContext) {
        var message = self.pending
        self.pending = ByteBuffer()
        do throws(HandshakeError) {
            switch try self.handshake.receive(&message) {
            case .send(let bytes): self.send(bytes, context)
            case .finished(let node, let last):
                self.send(last, context)
                self.finish(.success(node), context)
            }
        } catch { self.fail(error, context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.finish(.failure(.closed(receivedBytes: self.receivedBytes)), context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func fail(_ error: HandshakeError, _ context: ChannelHandlerContext) {
        self.finish(.failure(error), context)
        context.close(promise: nil)
    }

    private func finish(_ result: Result<NodeID, HandshakeError>, _ context: ChannelHandlerContext)
    {
        guard !self.isDone else { return }
        self.isDone = true
        if case .success = result { self.isProved = true }
        self.timer?.cancel()
        self.completion(result, context.channel)
    }

    private func send(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        guard !bytes.isEmpty else { return }
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }
}
