import NIOCore
import Runtime
import StoreModel
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Peering

/// Whatever comes in on the peer port: the connection is closed, one line is logged, and that is
/// all.
@Suite(.timeLimit(.minutes(1)))
struct HostileBytesTests {
    /// Sends bytes to a fresh server, and states what must follow.
    private func expectRefusal(
        of bytes: ByteBuffer,
        authenticated: Bool = false,
        logged text: String,
        thenClose: Bool = false,
        adjust: (inout PeeringSettings) -> Void = { _ in }
    ) async throws {
        let calls = Flag()
        let handler = ClosureHandler { request, _ in
            calls.set()
            return request
        }
        let pair = try await PeerPair(handler, server: adjust)
        let raw = try await RawPeer.connect(to: pair.server.address, group: pair.group)
        if authenticated { try await raw.authenticate() }
        try await raw.send(bytes)
        if thenClose { await raw.close() }
        #expect(try await eventually { raw.isClosed && !pair.log.lines.isEmpty })
        #expect(pair.log.lines.count == 1)
        #expect(pair.log.lines.first?.contains(text) == true, "\(pair.log.lines)")
        #expect(!calls.isSet)
        #expect(pair.server.budget.left == pair.server.budget.total)
        // Honest nodes go on.
        #expect(try await pair.call(message("x")).kind == 1)
        await pair.shutdown()
    }

    @Test("Random bytes instead of a handshake are refused", arguments: UInt64(0)..<16)
    func randomBytes(seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let bytes = random.bytes(HandshakeHello.byteCount + Int(seed) * 37)
        try await self.expectRefusal(
            of: bytes,
            logged: seed == 0 ? "badMagic" : "extraBytes"
        )
    }

    @Test("A handshake cut short by its sender is refused", arguments: [1, 4, 20, 55])
    func truncated(count: Int) async throws {
        let hello = HandshakeHello(
            role: .dialer,
            node: PeerPair.clientNode,
            nonce: Handshake.freshNonce()
        )
        try await self.expectRefusal(
            of: ByteBuffer(bytes: hello.encoded.prefix(count)),
            logged: "closed(receivedBytes: \(count))",
            thenClose: true
        )
    }

    @Test("Whoever stops in the middle of the handshake is closed after the timeout")
    func handshakeTimeout() async throws {
        try await self.expectRefusal(of: ByteBuffer(bytes: [0x54, 0x52]), logged: "timedOut") {
            $0.handshakeTimeout = .seconds(1)
        }
    }

    @Test("A peer with another secret, or of another cluster, never gets in")
    func wrongSecret() async throws {
        for (secret, cluster) in [("another secret of length", ""), (PeerPair.secret, "other")] {
            let pair = try await PeerPair()
            let network = PeerNetwork(
                try PeerPair.settings(PeerPair.clientNode, secret: secret) {
                    $0.cluster = cluster
                },
                group: pair.group,
                logger: LogRecorder().logger
            ) { _ in nil }
            await #expect(throws: NetworkError.unreachable) {
                try await network.connect(to: pair.server.address.description)
            }
            #expect(try await eventually { !pair.log.lines.isEmpty })
            #expect(pair.log.lines.count == 1)
            #expect(pair.log.lines.first?.contains("wrongProof") == true)
            #expect(pair.server.channels.isEmpty)
            await network.shutdown()
            await pair.shutdown()
        }
    }

    @Test("A listener that does not know the secret learns nothing and gets no request")
    func impostor() async throws {
        let pair = try await PeerPair()
        let impostor = try await PeerServer.start(
            try PeerPair.settings(PeerPair.serverNode, secret: "some other secret"),
            group: pair.group,
            handler: echo,
            logger: LogRecorder().logger
        )
        await #expect(throws: NetworkError.unreachable) {
            try await pair.network.connect(to: impostor.address.description)
        }
        await impostor.shutdown(within: .milliseconds(10))
        await pair.shutdown()
    }

    @Test("Random bytes after the handshake are refused", arguments: UInt64(0)..<8)
    func randomFrames(seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        try await self.expectRefusal(
            of: random.bytes(24 + Int(seed) * 1_000),
            authenticated: true,
            logged: "badMagic"
        )
    }

    @Test("A frame whose bytes were changed on the way is refused", arguments: UInt64(0)..<32)
    func damagedFrame(seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        var request = OutgoingMessage(
            .request,
            stream: 1,
            message: 1,
            epoch: 1,
            head: random.bytes(200),
            body: ByteBuffer()
        )
        var bytes = ByteBuffer()
        for part in request.nextFrame() { bytes.writeImmutableBuffer(part) }
        // Not the length: a longer one only makes the server wait for more.
        let index = [0, 4, 5, 6, 7, 8, 15, 20, 23, 24, 30, 100].randomElement(using: &random) ?? 0
        let byte = bytes.getInteger(at: index, as: UInt8.self) ?? 0
        bytes.setInteger(byte ^ (1 << UInt8.random(in: 0..<8, using: &random)), at: index)
        try await self.expectRefusal(
            of: bytes,
            authenticated: true,
            logged: "peer connection closed"
        )
    }

    @Test("A request that announces more than anybody may is refused before room is made for it")
    func lengthLie() async throws {
        for (head, body) in [(UInt32.max, UInt32(0)), (0, .max), (9 << 20, 1)] {
            var payload = ByteBuffer()
            payload.writeMultipleIntegers(UInt8(1), UInt64(1), head, body)
            var bytes = ByteBuffer()
            FrameHeader.encode(.request, stream: 1, payload: payload, into: &bytes)
            bytes.writeImmutableBuffer(payload)
            try await self.expectRefusal(of: bytes, authenticated: true, logged: "TooLong")
        }
    }

    @Test("Content beyond the window is refused until credit was given")
    func noCredit() async throws {
        // The budget is taken, so no credit comes.
        let pair = try await PeerPair()
        await pair.server.budget.take(pair.server.budget.total)
        let raw = try await RawPeer.connect(to: pair.server.address, group: pair.group)
        try await raw.authenticate()
        var payload = ByteBuffer()
        MessagePrefix(kind: 1, epoch: 1, headBytes: 0, bodyBytes: 1 << 20).encode(into: &payload)
        var bytes = ByteBuffer()
        FrameHeader.encode(.request, stream: 1, payload: payload, into: &bytes)
        bytes.writeImmutableBuffer(payload)
        let data = ByteBuffer(repeating: 0, count: FrameLimit.windowBytes + 1)
        FrameHeader.encode(.data, stream: 1, payload: data, into: &bytes)
        bytes.writeImmutableBuffer(data)
        try await raw.send(bytes)
        #expect(try await eventually { raw.isClosed })
        #expect(pair.log.lines.first?.contains("tooMuchData") == true)
        pair.server.budget.release(pair.server.budget.total)
        #expect(try await eventually { pair.server.budget.left == pair.server.budget.total })
        await pair.shutdown()
    }

    @Test(
        "Too many streams, a number used twice, or credit for nothing end the connection"
    )
    func protocolBreaks() async throws {
        func request(_ stream: UInt64) -> ByteBuffer {
            var payload = ByteBuffer()
            MessagePrefix(kind: 1, epoch: 1, headBytes: 0, bodyBytes: 10).encode(into: &payload)
            var bytes = ByteBuffer()
            FrameHeader.encode(.request, stream: stream, payload: payload, into: &bytes)
            bytes.writeImmutableBuffer(payload)
            return bytes
        }
        var many = ByteBuffer()
        for stream in 1...5 { many.writeImmutableBuffer(request(UInt64(stream))) }
        try await self.expectRefusal(of: many, authenticated: true, logged: "tooManyStreams") {
            $0.streamsPerConnection = 4
        }
        var twice = request(2)
        twice.writeImmutableBuffer(request(2))
        try await self.expectRefusal(of: twice, authenticated: true, logged: "streamInUse")
        let cases: [(ByteBuffer, String)] = [
            (ControlFrame.credit(stream: 9, bytes: 1).encoded, "unknownStream")
        ]
        for (bytes, text) in cases {
            try await self.expectRefusal(of: bytes, authenticated: true, logged: text)
        }
    }
}
