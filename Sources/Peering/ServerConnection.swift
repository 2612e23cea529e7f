import Logging
import NIOCore
import Runtime
import StoreModel
import Wire

/// The answering end of a connection: requests in, replies out.
///
///     receiving ──► waiting ──► running ──► replying ──► (gone)
///
/// A cancel frame ends a stream in any state. All calls are made on the loop of the connection.
final class ServerConnection: ConnectionEnd {
    private enum Stream {
        case receiving(IncomingStream)
        case waiting(PeerMessage, reservedBytes: Int)
        case running(Task<Void, Never>, reservedBytes: Int)
        case replying(bytes: Int)
    }

    /// The node at the other end, as it proved.
    let node: NodeID
    private let handler: any PeerHandler
    private let settings: PeeringSettings
    private let budget: ByteBudget
    private let instruments: PeerInstruments
    private let logger: Logger
    private let didEnd: (ServerConnection) -> Void

    private var streams: [UInt64: Stream] = [:]
    /// Streams whose request is whole but not begun, in order of arrival.
    private var waiting = CircularBuffer<UInt64>()
    private var lastStream: UInt64 = 0
    /// Tasks that have not returned, those of cancelled streams included.
    private var runningTasks = 0
    private var unsentReplyBytes = 0
    private var isReading = true
    private var isDraining = false

    init(
        node: NodeID,
        handler: any PeerHandler,
        settings: PeeringSettings,
        budget: ByteBudget,
        instruments: PeerInstruments,
        logger: Logger,
        didEnd: @escaping (ServerConnection) -> Void
    ) {
        self.node = node
        self.handler = handler
        self.settings = settings
        self.budget = budget
        self.instruments = instruments
        self.logger = logger
        self.didEnd = didEnd
    }

    // MARK: Frames

    func receive(_ part: FrameDecoder.Part, on connection: FrameConnection) throws(FrameError) {
        switch part {
        case .data(let stream, let piece):
            try self.receive(piece, of: stream, on: connection)
        case .frame(.request, let stream, let payload):
            try self.open(stream, payload, on: connection)
        case .frame(.credit, let stream, var payload):
            let bytes = Int(payload.readInteger(as: UInt32.self) ?? 0)
            guard connection.grant(bytes, stream: stream) else {
                throw .unknownStream(kind: .credit, stream: stream)
            }
        case .frame(.cancel, let stream, _):
            self.cancel(stream, on: connection)
        case .frame(.pong, _, _), .frame(.goAway, _, _):
            break
        case .frame(let kind, _, _):
            throw .unexpectedKind(kind)
        }
    }

    private func open(
        _ stream: UInt64,
        _ payload: ByteBuffer,
        on connection: FrameConnection
    ) throws(FrameError) {
        guard stream > self.lastStream else { throw .streamInUse(stream) }
        guard self.streams.count < self.settings.streamsPerConnection else {
            throw .tooManyStreams(limit: self.settings.streamsPerConnection)
        }
        self.lastStream = stream
        let incoming = IncomingStream(try IncomingMessage(stream: stream, payload: payload))
        self.instruments.received(incoming.message.prefix)
        if incoming.message.isComplete {
            return self.received(incoming, on: connection)
        }
        self.streams[stream] = .receiving(incoming)
        guard incoming.bytesToReserve > 0 else { return }
        let bound = NIOLoopBound((self, connection), eventLoop: connection.loop)
        let (budget, bytes) = (self.budget, incoming.bytesToReserve)
        budget.take(bytes, on: connection.loop) {
            let (server, connection) = bound.value
            guard case .receiving(var incoming)? = server.streams.removeValue(forKey: stream) else {
                return budget.release(bytes)
            }
            let credit = incoming.grant(at: .now())
            server.streams[stream] = .receiving(incoming)
            connection.send(.credit(stream: stream, bytes: credit))
        }
    }

    private func receive(
        _ piece: ByteBuffer,
        of stream: UInt64,
        on connection: FrameConnection
    ) throws(FrameError) {
        // Taken out while it changes, so that its buffers have one owner and are not copied.
        guard case .receiving(var incoming)? = self.streams.removeValue(forKey: stream) else {
            throw .unknownStream(kind: .data, stream: stream)
        }
        do throws(FrameError) { try incoming.receive(piece) } catch {
            self.budget.release(incoming.reservedBytes)
            throw error
        }
        if incoming.message.isComplete {
            self.received(incoming, on: connection)
        } else {
            self.streams[stream] = .receiving(incoming)
        }
    }

    // MARK: Requests

    private func received(_ incoming: IncomingStream, on connection: FrameConnection) {
        let stream = incoming.message.stream
        self.streams[stream] = .waiting(incoming.whole, reservedBytes: incoming.reservedBytes)
        self.waiting.append(stream)
        self.beginRequests(on: connection)
    }

    /// Begins waiting requests while the bounds of the connection allow it.
    private func beginRequests(on connection: FrameConnection) {
        while self.runningTasks < self.settings.requestsPerConnection,
            self.unsentReplyBytes < self.settings.unsentReplyBytes,
            let stream = self.waiting.popFirst()
        {
            guard case .waiting(let request, let bytes)? = self.streams[stream] else { continue }
            self.runningTasks += 1
            let bound = NIOLoopBound((self, connection), eventLoop: connection.loop)
            let (handler, node, loop) = (self.handler, self.node, connection.loop)
            // Unstructured: the request outlives this event, and a cancel frame must be able to end
            // it.
            let task = Task {
                let reply = await handler.handle(request, from: node)
                loop.execute {
                    let (server, connection) = bound.value
                    server.answer(stream, reply, on: connection)
                }
            }
            self.streams[stream] = .running(task, reservedBytes: bytes)
        }
        self.setReading(on: connection)
    }

    private func answer(_ stream: UInt64, _ reply: PeerMessage, on connection: FrameConnection) {
        self.runningTasks -= 1
        defer { self.beginRequests(on: connection) }
        // A stream that was cancelled is gone, and nobody wants the reply.
        guard case .running(_, let reservedBytes)? = self.streams[stream] else { return }
        self.budget.release(reservedBytes)
        let (head, body) = (reply.head.readableBytes, reply.body.readableBytes)
        guard head <= PeerMessage.headBytesMax, body <= PeerMessage.bodyBytesMax else {
            self.streams[stream] = nil
            self.logger.error(
                "reply too long to be sent",
                metadata: ["head.bytes": "\(head)", "body.bytes": "\(body)"]
            )
            return connection.close(because: "a reply broke the limits")
        }
        self.streams[stream] = .replying(bytes: head + body)
        self.unsentReplyBytes += head + body
        connection.send(
            OutgoingMessage(
                .reply,
                stream: stream,
                message: reply.kind,
                epoch: reply.epoch,
                head: reply.head,
                body: reply.body
            )
        )
    }

    func didSend(_ stream: UInt64, on connection: FrameConnection) {
        guard case .replying(let bytes)? = self.streams.removeValue(forKey: stream) else {
            preconditionFailure("Stream \(stream) was sent without a reply.")
        }
        self.unsentReplyBytes -= bytes
        self.beginRequests(on: connection)
        self.closeIfDrained(connection)
    }

    private func cancel(_ stream: UInt64, on connection: FrameConnection) {
        // An unknown stream: the reply and the cancel have met on the way.
        guard let state = self.streams.removeValue(forKey: stream) else { return }
        self.discard(state)
        connection.drop(stream)
        self.beginRequests(on: connection)
        self.closeIfDrained(connection)
    }

    private func discard(_ state: Stream) {
        switch state {
        case .receiving(let incoming): self.budget.release(incoming.reservedBytes)
        case .waiting(_, let bytes): self.budget.release(bytes)
        case .running(let task, let bytes):
            task.cancel()
            self.budget.release(bytes)
        case .replying(let bytes): self.unsentReplyBytes -= bytes
        }
    }

    /// Cancelled requests free their stream at once, their task later.
    ///
    /// A peer that cancels faster than the tasks end is not read from until they have.
    private func setReading(on connection: FrameConnection) {
        let mayRead =
            self.runningTasks + self.waiting.count < 2 * self.settings.streamsPerConnection
        guard mayRead != self.isReading else { return }
        self.isReading = mayRead
        try? connection.channel.syncOptions?.setOption(.autoRead, value: mayRead)
    }

    // MARK: End

    /// Asks the other end for no more requests, and closes when those under way are answered.
    func drain(_ connection: FrameConnection) {
        guard !self.isDraining else { return }
        self.isDraining = true
        connection.send(.goAway)
        self.closeIfDrained(connection)
    }

    private func closeIfDrained(_ connection: FrameConnection) {
        if self.isDraining, self.streams.isEmpty { connection.closeWhenSent() }
    }

    func tick(_ now: NIODeadline, on connection: FrameConnection) {
        if self.isReading, now - connection.lastReceived > TimeAmount(self.settings.idleTimeout) {
            return connection.close(because: "nothing received")
        }
        let limit = TimeAmount(self.settings.receiveTimeout)
        for case .receiving(let incoming) in self.streams.values {
            if let grantedAt = incoming.grantedAt, now - grantedAt > limit {
                return connection.close(because: "a request did not arrive in time")
            }
        }
    }

    func didClose(_ connection: FrameConnection) {
        for state in self.streams.values { self.discard(state) }
        self.streams = [:]
        self.waiting = CircularBuffer()
        self.didEnd(self)
    }
}
