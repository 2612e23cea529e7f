import Glibc
import NIOCore
import NIOHTTP1
import NIOSSL

/// The last handler of a connection: hands parts of requests to whoever asks, and writes answers.
///
/// Nothing is read from the socket unless somebody waits for it, but for one socket buffer ahead:
/// of a body which somebody began to read, and of the next request once one is whole, since to stop
/// reading and to begin again are two calls of the system. Requests of one connection are answered
/// in order, because the next head is only asked for once the answer before it was sent; parts that
/// arrive earlier wait in ``inbox``, which holds little more than two reads.
///
/// All methods are called on the connection's event loop.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    enum Part {
        case head(HTTPRequestHead)
        case body(ByteBuffer)
        case end
        case failed(ConnectionEnd)
    }

    let limits: HTTPLimits
    /// What is known of the request being answered.
    var exchange = ExchangeState()
    /// True once no further request will be read.
    private(set) var isStopping = false
    /// Set once; from then on only ``inbox`` is left to be read.
    private(set) var end: ConnectionEnd?

    private var context: ChannelHandlerContext?
    private var inbox = CircularBuffer<Part>()
    private var inboxBytes = 0
    private var reader: CheckedContinuation<Part, Never>?
    private var readerWantsHead = false
    /// Whether bytes of a head that is not whole have come.
    private var headBegan = false
    /// Whether the read under way has given a part.
    private var gavePart = false
    private var isReading = false
    private var rate = BodyRate()
    private var writer: CheckedContinuation<Void, any Error>?
    private var readTimer: LoopTimer?
    private var writeTimer: LoopTimer?

    init(limits: HTTPLimits) { self.limits = limits }

    // MARK: Reading

    /// Gives the next part of the wanted kind, waiting for it if need be.
    ///
    /// Trailers of a request are dropped.
    func pull(head: Bool, _ reader: CheckedContinuation<Part, Never>) {
        precondition(self.reader == nil, "One reader at a time.")
        if let part = self.takeBuffered() {
            reader.resume(returning: part)
            return
        }
        self.reader = reader
        self.readerWantsHead = head
        if head {
            let limits = self.limits
            self.readTimer?.set(in: self.headBegan ? limits.headerTimeout : limits.idleTimeout)
        } else {
            self.readTimer?.set(in: self.rate.beginWaiting(window: self.limits.bodyWindow))
        }
        self.readMore()
    }

    /// Gives what has already arrived, or nil.
    func takeBuffered() -> Part? {
        if let part = self.inbox.popFirst() {
            self.didTake(part)
            return part
        }
        return self.end.map { .failed($0) }
    }

    /// Has `action` called once the client has gone: at once if it has.
    ///
    /// A client that closes its side of the connection only, and waits, cannot be told from one
    /// that has left.
    func whenClientLeaves(_ action: @escaping @Sendable () -> Void) {
        if self.end == nil { self.exchange.onEnd = action } else { action() }
    }

    /// Called when the body is asked for: tells a client that waits for it to go on.
    func wantBody() {
        guard self.exchange.expectsContinue else { return }
        self.exchange.expectsContinue = false
        guard self.exchange.answer == .none else { return }
        let head = HTTPResponseHead(version: .http1_1, status: .continue)
        self.context?.writeAndFlush(self.wrapOutboundOut(.head(head)), promise: nil)
    }

    /// True if the end of the request has arrived, taken or not.
    var hasWholeRequest: Bool {
        self.exchange.requestEnded
            || self.inbox.contains { if case .end = $0 { true } else { false } }
    }

    private func didTake(_ part: Part) {
        switch part {
        case .head:
            self.headBegan = false
            self.rate = BodyRate()
            self.exchange.requestEnded = false
        case .body(let buffer):
            self.inboxBytes -= buffer.readableBytes
            self.exchange.didReceive(buffer.readableBytes)
            // One buffer ahead: the next bytes travel while these are worked on.
            if self.inboxBytes < self.limits.bodyAheadBytes, !self.hasWholeRequest {
                self.readMore()
            }
        case .end: self.exchange.requestEnded = true
        case .failed: break
        }
    }

    /// True while a request that has come is still to be taken.
    private var holdsHead: Bool {
        self.inbox.contains { if case .head = $0 { true } else { false } }
    }

    private func readMore() {
        guard !self.isReading, self.end == nil, let context = self.context else { return }
        self.isReading = true
        context.read()
    }

    private func deliver(_ part: Part) {
        self.inbox.append(part)
        if case .body(let buffer) = part { self.inboxBytes += buffer.readableBytes }
        guard let reader = self.reader else { return }
        if case .body(let buffer) = part { self.rate.endWaiting(bytes: buffer.readableBytes) }
        self.reader = nil
        self.readTimer?.clear()
        if let part = self.takeBuffered() { reader.resume(returning: part) }
    }

    private func finish(_ end: ConnectionEnd) {
        guard self.end == nil else { return }
        self.end = end
        self.readTimer?.clear()
        self.exchange.onEnd?()
        self.exchange.onEnd = nil
        if let reader = self.reader {
            self.reader = nil
            reader.resume(returning: self.takeBuffered() ?? .failed(end))
        }
    }

    private func readTimeIsUp() {
        guard self.reader != nil else { return }
        if self.readerWantsHead {
            self.finish(self.headBegan ? .headerTooSlow : .idle)
        } else if self.rate.isEnough(limits: self.limits) {
            self.rate = BodyRate()
            self.readTimer?.set(in: self.rate.beginWaiting(window: self.limits.bodyWindow))
        } else {
            self.finish(.bodyTooSlow)
        }
    }

    // MARK: Writing

    func write(_ part: HTTPServerResponsePart, flush: Bool) {
        guard let context = self.context else { return }
        if flush {
            context.writeAndFlush(self.wrapOutboundOut(part), promise: nil)
        } else {
            context.write(self.wrapOutboundOut(part), promise: nil)
        }
    }

    /// Resumes when the socket takes more, and throws once it never will.
    func awaitWritable(_ writer: CheckedContinuation<Void, any Error>) {
        precondition(self.writer == nil, "One writer at a time.")
        guard let context = self.context, context.channel.isActive else {
            writer.resume(throwing: self.end ?? .closed)
            return
        }
        guard !context.channel.isWritable else {
            writer.resume()
            return
        }
        self.writer = writer
        self.writeTimer?.set(in: self.limits.idleTimeout)
    }

    var canWriteNow: Bool {
        guard let channel = self.context?.channel else { return false }
        return channel.isActive && channel.isWritable
    }

    private func failWriter(_ end: ConnectionEnd) {
        self.writeTimer?.clear()
        guard let writer = self.writer else { return }
        self.writer = nil
        writer.resume(throwing: end)
    }

    // MARK: Ending

    /// Closes once everything written has left, and reads no more.
    ///
    /// If the client may still be sending, its bytes are thrown away for a while: closing at once
    /// would reset the connection, and the client could lose the answer.
    func closeGracefully() {
        guard let context = self.context else { return }
        self.isStopping = true
        if self.hasWholeRequest || self.end == .closed {
            self.writeTimer?.set(in: self.limits.idleTimeout)
            context.writeAndFlush(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer()))))
                .assumeIsolated()
                .whenComplete { _ in self.abort() }
            return
        }
        self.exchange.isDiscarding = true
        self.inbox.removeAll()
        self.finish(.stopping)
        context.flush()
        context.close(mode: .output, promise: nil)
        context.read()
        self.readTimer?.set(in: self.limits.lingerTimeout)
    }

    /// Closes at once; what was not sent is lost.
    func abort() {
        self.finish(.closed)
        self.context?.close(promise: nil)
    }

    /// Closes so that the client cannot take what it received for the whole.
    func reset() {
        if let socket = self.context?.channel as? any SocketOptionProvider {
            _ = socket.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        }
        self.finish(.closed)
        guard let context = self.context else { return }
        // Not by way of TLS: its farewell would say that this is the whole.
        let pipeline = context.pipeline.syncOperations
        let tls = try? pipeline.context(handlerType: NIOSSLServerHandler.self)
        (tls ?? context).close(promise: nil)
    }
}

extension ConnectionHandler {
    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.readTimer = LoopTimer(on: context.eventLoop) { [unowned self] in
            if self.exchange.isDiscarding { self.abort() } else { self.readTimeIsUp() }
        }
        self.writeTimer = LoopTimer(on: context.eventLoop) { [unowned self] in
            self.failWriter(.answerNotRead)
            self.reset()
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.readTimer?.stop()
        self.writeTimer?.stop()
        self.finish(.closed)
        self.failWriter(.closed)
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.finish(.closed)
        self.failWriter(.closed)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.gavePart = true
        if self.exchange.isDiscarding || self.end != nil { return }
        switch self.unwrapInboundIn(data) {
        case .head(let head): self.deliver(.head(head))
        case .body(let buffer): self.deliver(.body(buffer))
        case .end: self.deliver(.end)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.isReading = false
        defer { self.gavePart = false }
        if self.exchange.isDiscarding {
            context.read()
        } else if self.reader != nil {
            if self.readerWantsHead, !self.headBegan {
                self.headBegan = true
                self.readTimer?.set(in: self.limits.headerTimeout)
            }
            self.readMore()
        } else if self.hasWholeRequest, !self.holdsHead, !self.isStopping {
            if !self.gavePart { self.headBegan = true }
            self.readMore()
        }
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, let writer = self.writer {
            self.writer = nil
            self.writeTimer?.clear()
            writer.resume()
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            if self.exchange.isDiscarding { self.abort() } else { self.finish(.closed) }
        case is ChannelShouldQuiesceEvent:
            self.isStopping = true
            if self.reader != nil, self.readerWantsHead, !self.headBegan { self.finish(.stopping) }
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if self.exchange.isDiscarding { self.abort() } else { self.finish(ConnectionEnd(error)) }
    }
}
