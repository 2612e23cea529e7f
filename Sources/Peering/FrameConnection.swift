import Logging
import NIOCore
import Wire

/// What one end of a connection does with frames.
///
/// All calls are made on the loop.
protocol ConnectionEnd: AnyObject {
    func receive(_ part: FrameDecoder.Part, on connection: FrameConnection) throws(FrameError)
    /// The last frame of a message was handed to the socket.
    func didSend(_ stream: UInt64, on connection: FrameConnection)
    /// Called about every half of the ping interval.
    func tick(_ now: NIODeadline, on connection: FrameConnection)
    func didClose(_ connection: FrameConnection)
}

/// Frames in and out of one authenticated connection.
///
/// Writes as long as the socket takes bytes, and flushes once per turn of the event loop.
/// Everything happens on the loop of the channel.
final class FrameConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Size of the reads from the socket, in bytes.
    static let readBytes = 256 << 10

    let channel: any Channel
    /// When bytes came last.
    private(set) var lastReceived = NIODeadline.now()
    private let end: any ConnectionEnd
    private let tickInterval: TimeAmount
    private let instruments: PeerInstruments
    private let logger: Logger
    private var decoder = FrameDecoder()
    private var outbox = Outbox()
    private var context: ChannelHandlerContext?
    private var isPumpScheduled = false
    private var isPumping = false
    private var isClosed = false

    init(
        channel: any Channel,
        end: any ConnectionEnd,
        tickInterval: Duration,
        instruments: PeerInstruments,
        logger: Logger
    ) {
        self.channel = channel
        self.end = end
        self.tickInterval = TimeAmount(tickInterval)
        self.instruments = instruments
        self.logger = logger
    }

    var loop: any EventLoop { self.channel.eventLoop }

    /// Puts the handler at the end of the channel's pipeline.
    func install() throws {
        if let options = self.channel.syncOptions {
            let allocator = FixedSizeRecvByteBufferAllocator(capacity: Self.readBytes)
            try options.setOption(.recvAllocator, value: allocator)
        }
        try self.channel.pipeline.syncOperations.addHandler(self)
    }

    // MARK: Sending

    func send(_ message: OutgoingMessage) {
        self.outbox.add(message)
        self.instruments.sent(message.prefix)
        self.schedulePump()
    }

    func send(_ frame: ControlFrame) {
        self.outbox.add(frame)
        if self.outbox.isOverfull { return self.close(because: "the peer does not read") }
        self.schedulePump()
    }

    func grant(_ bytes: Int, stream: UInt64) -> Bool {
        defer { self.schedulePump() }
        return self.outbox.grant(bytes, stream: stream)
    }

    /// Whether a message of the stream is still to be sent, all or in part.
    func isSending(_ stream: UInt64) -> Bool { self.outbox.holds(stream) }

    /// Sends no more of the message.
    @discardableResult
    func drop(_ stream: UInt64) -> Bool { self.outbox.drop(stream) }

    /// Closes once everything that waits has been sent.
    func closeWhenSent() {
        guard !self.isClosed, let context = self.context else { return }
        self.pump()
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer())).whenComplete { _ in
            bound.value.close(promise: nil)
        }
    }

    /// Closes at once.
    ///
    /// One line in the log says why.
    func close(because reason: String, isError: Bool = true) {
        guard !self.isClosed, let context = self.context else { return }
        if isError {
            self.instruments.failed()
            self.logger.warning("peer connection closed", metadata: ["reason": "\(reason)"])
        }
        context.close(promise: nil)
    }

    private func schedulePump() {
        guard !self.isPumpScheduled, !self.isClosed else { return }
        self.isPumpScheduled = true
        let bound = NIOLoopBound(self, eventLoop: self.loop)
        self.loop.execute {
            bound.value.isPumpScheduled = false
            bound.value.pump()
        }
    }

    /// Writes frames until the socket has enough or there are none, and flushes.
    private func pump() {
        // Flushing may report that the socket takes bytes again, from inside this loop.
        guard !self.isPumping, !self.isClosed, let context = self.context else { return }
        self.isPumping = true
        defer { self.isPumping = false }
        var isWritten = true
        while isWritten, !self.isClosed {
            isWritten = false
            var bytes = 0
            while context.channel.isWritable, let (frame, finished) = self.outbox.next() {
                for buffer in frame {
                    bytes += buffer.readableBytes
                    context.write(self.wrapOutboundOut(buffer), promise: nil)
                }
                isWritten = true
                if let finished { self.end.didSend(finished, on: self) }
            }
            if isWritten {
                self.instruments.sent(bytes: bytes)
                context.flush()
            }
        }
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.lastReceived = .now()
        self.scheduleTick()
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isClosed else { return }
        var bytes = self.unwrapInboundIn(data)
        self.lastReceived = .now()
        self.instruments.received(bytes: bytes.readableBytes)
        do throws(FrameError) {
            while !self.isClosed, let part = try self.decoder.next(from: &bytes) {
                if case .frame(.ping, _, _) = part {
                    self.send(.pong)
                } else {
                    try self.end.receive(part, on: self)
                }
            }
        } catch { self.close(because: "\(error)") }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.pump()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.pump() }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !self.isClosed {
            self.isClosed = true
            self.end.didClose(self)
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.logger.debug("peer connection failed", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }

    private func scheduleTick() {
        let bound = NIOLoopBound(self, eventLoop: self.loop)
        self.loop.scheduleTask(in: self.tickInterval) {
            let connection = bound.value
            guard !connection.isClosed else { return }
            connection.end.tick(.now(), on: connection)
            connection.scheduleTick()
        }
    }
}
