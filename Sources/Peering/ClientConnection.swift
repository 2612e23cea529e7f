import NIOCore
import Runtime
import Wire

/// The asking end of a connection: requests out, replies in.
///
/// All calls are made on the loop of the connection. Whoever asked is told through
/// ``ClientConnection/Owner``.
final class ClientConnection: ConnectionEnd {
    /// Whom the calls belong to.
    protocol Owner: AnyObject {
        func didEnd(_ call: ObjectIdentifier, _ result: CallResult)
        /// A stream has become free.
        func hasRoom(_ connection: ClientConnection)
        /// The other end wants no more requests.
        func isLeaving(_ connection: ClientConnection)
        func didClose(_ connection: ClientConnection)
    }

    private struct Stream {
        let call: ObjectIdentifier
        var reply: IncomingStream?
    }

    private weak var owner: (any Owner)?
    private let settings: PeeringSettings
    private let budget: ByteBudget
    private let instruments: PeerInstruments
    private var streams: [UInt64: Stream] = [:]
    private var lastStream: UInt64 = 0
    private var pingSentAt: NIODeadline?
    /// Set once, when the connection is made.
    private(set) var frames: FrameConnection?
    private(set) var isLeaving = false

    init(
        owner: any Owner,
        settings: PeeringSettings,
        budget: ByteBudget,
        instruments: PeerInstruments
    ) {
        self.owner = owner
        self.settings = settings
        self.budget = budget
        self.instruments = instruments
    }

    func install(_ frames: FrameConnection) throws {
        precondition(self.frames == nil)
        self.frames = frames
        try frames.install()
    }

    // MARK: Calls

    var hasRoom: Bool { self.streams.count < self.settings.streamsPerConnection }

    /// Sends a request.
    ///
    /// - Returns: its stream.
    /// - Precondition: ``hasRoom``.
    func start(_ request: PeerMessage, of call: ObjectIdentifier) -> UInt64 {
        precondition(self.hasRoom && !self.isLeaving)
        guard let frames = self.frames else { preconditionFailure("Not connected.") }
        self.lastStream += 1
        self.streams[self.lastStream] = Stream(call: call)
        frames.send(
            OutgoingMessage(
                .request,
                stream: self.lastStream,
                message: request.kind,
                epoch: request.epoch,
                head: request.head,
                body: request.body
            )
        )
        return self.lastStream
    }

    /// Gives a call up, and tells the other end that its work is no longer wanted.
    func abandon(_ stream: UInt64) {
        guard let frames = self.frames, let state = self.streams.removeValue(forKey: stream) else {
            return
        }
        self.budget.release(state.reply?.reservedBytes ?? 0)
        frames.drop(stream)
        frames.send(.cancel(stream: stream))
        self.owner?.hasRoom(self)
        self.closeIfLeft()
    }

    func close() { self.frames?.close(because: "closing", isError: false) }

    // MARK: Frames

    func receive(_ part: FrameDecoder.Part, on connection: FrameConnection) throws(FrameError) {
        switch part {
        case .data(let stream, let piece):
            guard try self.isOpen(stream, .data) else { return }
            try self.receive(piece, of: stream)
        case .frame(.reply, let stream, let payload):
            guard try self.isOpen(stream, .reply) else { return }
            try self.open(stream, payload, on: connection)
        case .frame(.credit, let stream, var payload):
            guard try self.isOpen(stream, .credit) else { return }
            let bytes = Int(payload.readInteger(as: UInt32.self) ?? 0)
            guard connection.grant(bytes, stream: stream) else {
                throw .unknownStream(kind: .credit, stream: stream)
            }
        case .frame(.pong, _, _): self.pingSentAt = nil
        case .frame(.goAway, _, _):
            self.isLeaving = true
            self.owner?.isLeaving(self)
            self.closeIfLeft()
        case .frame(let kind, _, _): throw .unexpectedKind(kind)
        }
    }

    /// Frames of a call that was given up are still on their way and mean nothing; those of a
    /// stream that never was are an error.
    private func isOpen(_ stream: UInt64, _ kind: FrameKind) throws(FrameError) -> Bool {
        guard stream <= self.lastStream else { throw .unknownStream(kind: kind, stream: stream) }
        return self.streams[stream] != nil
    }

    private func open(
        _ stream: UInt64,
        _ payload: ByteBuffer,
        on connection: FrameConnection
    ) throws(FrameError) {
        // A reply comes once, and after all of the request.
        guard self.streams[stream]?.reply == nil, !connection.isSending(stream) else {
            throw .unexpectedKind(.reply)
        }
        let reply = IncomingStream(try IncomingMessage(stream: stream, payload: payload))
        self.instruments.received(reply.message.prefix)
        if reply.message.isComplete { return self.finish(stream, reply) }
        self.streams[stream]?.reply = reply
        guard reply.bytesToReserve > 0 else { return }
        let bound = NIOLoopBound((self, connection), eventLoop: connection.loop)
        let (budget, bytes) = (self.budget, reply.bytesToReserve)
        budget.take(bytes, on: connection.loop) {
            let (client, connection) = bound.value
            guard let credit = client.streams[stream]?.reply?.grant(at: .now()) else {
                return budget.release(bytes)
            }
            connection.send(.credit(stream: stream, bytes: credit))
        }
    }

    private func receive(_ piece: ByteBuffer, of stream: UInt64) throws(FrameError) {
        // Changed in place, so that its buffers have one owner and are not copied.
        guard try self.streams[stream]?.reply?.receive(piece) != nil else {
            throw .unknownStream(kind: .data, stream: stream)
        }
        guard let reply = self.streams[stream]?.reply, reply.message.isComplete else { return }
        self.finish(stream, reply)
    }

    private func finish(_ stream: UInt64, _ reply: IncomingStream) {
        guard let state = self.streams.removeValue(forKey: stream) else { return }
        self.budget.release(reply.reservedBytes)
        self.owner?.didEnd(state.call, .success(reply.whole))
        self.owner?.hasRoom(self)
        self.closeIfLeft()
    }

    private func closeIfLeft() {
        if self.isLeaving, self.streams.isEmpty { self.close() }
    }

    // MARK: Life of the connection

    func didSend(_ stream: UInt64, on connection: FrameConnection) {}

    func tick(_ now: NIODeadline, on connection: FrameConnection) {
        if let sentAt = self.pingSentAt {
            // Bytes that came after the ping are as good as its answer.
            if connection.lastReceived > sentAt {
                self.pingSentAt = nil
            } else if now - sentAt > TimeAmount(self.settings.deadAfter) {
                return connection.close(because: "no answer to a ping")
            }
        } else if now - connection.lastReceived > TimeAmount(self.settings.pingInterval) {
            self.pingSentAt = now
            connection.send(.ping)
        }
    }

    func didClose(_ connection: FrameConnection) {
        let streams = self.streams
        self.streams = [:]
        for state in streams.values {
            self.budget.release(state.reply?.reservedBytes ?? 0)
            self.owner?.didEnd(state.call, .failure(.disconnected))
        }
        self.owner?.didClose(self)
        self.frames = nil
    }
}
