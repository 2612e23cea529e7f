import NIOCore
import Runtime
import StoreModel
import Synchronization
import Testing
import Wire

@testable import Peering

@Suite(.timeLimit(.minutes(1)))
struct BackPressureTests {
    private func request(_ stream: UInt64, body: Int) -> ByteBuffer {
        var payload = ByteBuffer()
        MessagePrefix(kind: 1, epoch: 1, headBytes: 0, bodyBytes: body).encode(into: &payload)
        var bytes = ByteBuffer()
        FrameHeader.encode(.request, stream: stream, payload: payload, into: &bytes)
        bytes.writeImmutableBuffer(payload)
        return bytes
    }

    @Test("Credit is given only while the budget has room, and everything is given back")
    func credit() async throws {
        let pair = try await PeerPair { $0.requestBytes = PeeringSettings.messageBytesMax }
        let raw = try await RawPeer.connect(to: pair.server.address, group: pair.group)
        try await raw.authenticate()
        let body = 4 << 20
        for stream in 1...10 { try await raw.send(self.request(UInt64(stream), body: body)) }
        let fits = PeeringSettings.messageBytesMax / body
        let creditBytes = FrameHeader.byteCount + 4
        let credits = try await raw.receive(fits * creditBytes)
        #expect(credits.readableBytes == fits * creditBytes)
        let first = try #require(credits.getInteger(at: 8, as: UInt64.self))
        #expect(pair.server.budget.left == pair.server.budget.total - fits * body)
        // Giving one up lets the next in line begin.
        try await raw.send(ControlFrame.cancel(stream: first).encoded)
        let next = (fits + 1) * creditBytes
        #expect(try await raw.receive(next).readableBytes == next)
        #expect(pair.server.budget.left == pair.server.budget.total - fits * body)
        await raw.close()
        #expect(try await eventually { pair.server.budget.left == pair.server.budget.total })
        await pair.shutdown()
    }

    @Test(
        "A peer that asks and does not read holds up its own requests, and no more is read for it"
    )
    func slowReader() async throws {
        let body = ByteBuffer(repeating: 1, count: 1 << 20)
        let handler = ReplyCounter(body: body)
        let pair = try await PeerPair(handler) {
            $0.unsentReplyBytes = 4 << 20
            $0.requestsPerConnection = 4
        }
        let raw = try await RawPeer.connect(to: pair.server.address, group: pair.group)
        try await raw.authenticate()
        try await raw.setReading(false)
        for stream in 1...100 {
            try await raw.send(self.request(UInt64(stream), body: 0))
            // Credit for replies nobody reads: they may fill the socket, but no more.
            let credit = body.readableBytes - FrameLimit.windowBytes
            _ = try await eventually { handler.count >= min(stream, 4) }
            if stream <= handler.count, stream <= 4 {
                try await raw.send(
                    ControlFrame.credit(stream: UInt64(stream), bytes: credit).encoded
                )
            }
        }
        try await Task.sleep(for: .milliseconds(200))
        // The bound on unsent bytes, those that ran when it was reached, and those in the sockets.
        #expect(handler.count <= 4 + 4 + 4, "\(handler.count) replies of 1 MiB were made")
        // Others are served meanwhile.
        #expect(try await pair.call(message("x")).kind == 64)
        await raw.close()
        #expect(try await eventually { pair.server.channels.count == 1 })
        await pair.shutdown()
    }

    @Test("A request whose sender got credit and went silent ends the connection")
    func silentSender() async throws {
        let pair = try await PeerPair {
            $0.receiveTimeout = .milliseconds(100)
            $0.pingInterval = .milliseconds(50)
        }
        let raw = try await RawPeer.connect(to: pair.server.address, group: pair.group)
        try await raw.authenticate()
        try await raw.send(self.request(1, body: 1 << 20))
        #expect(try await eventually { raw.isClosed })
        #expect(pair.log.lines.count == 1)
        #expect(pair.log.lines.first?.contains("did not arrive in time") == true)
        #expect(pair.server.budget.left == pair.server.budget.total)
        await pair.shutdown()
    }

    @Test("A ping is answered; a connection on which nothing comes is closed")
    func idle() async throws {
        let pair = try await PeerPair {
            $0.pingInterval = .milliseconds(200)
            $0.deadAfter = .seconds(1)
            $0.idleTimeout = .seconds(3)
        }
        let raw = try await RawPeer.connect(to: pair.server.address, group: pair.group)
        try await raw.authenticate()
        try await raw.send(ControlFrame.ping.encoded)
        #expect(try await raw.receive(FrameHeader.byteCount) == ControlFrame.pong.encoded)
        #expect(try await eventually { raw.isClosed })
        #expect(pair.log.lines.first?.contains("nothing received") == true)
        await pair.shutdown()
    }
}

/// Answers everything with the same body, and counts.
final class ReplyCounter: PeerHandler {
    private let body: ByteBuffer
    private let counted = Mutex(0)

    init(body: ByteBuffer) { self.body = body }

    var count: Int { self.counted.withLock { $0 } }

    func handle(_ request: PeerMessage, from node: NodeID) async -> PeerMessage {
        self.counted.withLock { $0 += 1 }
        return PeerMessage(kind: 64, epoch: 1, head: ByteBuffer(), body: self.body)
    }
}
