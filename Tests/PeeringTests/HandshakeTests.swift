import NIOCore
import NIOEmbedded
import StoreModel
import TestSupport
import Testing

@testable import Peering

struct HandshakeTests {
    private static let dialer = NodeID(high: 0x0102_0304_0506_0708, low: 0x090a_0b0c_0d0e_0f10)
    private static let listener = NodeID(high: 0x1112_1314_1516_1718, low: 0x191a_1b1c_1d1e_1f20)

    private func end(
        _ role: HandshakeRole,
        secret: String = PeerPair.secret,
        cluster: String = "demo"
    ) throws -> Handshake {
        let secret = try #require(ClusterSecret(secret))
        let nonce = role == .dialer ? Array(0..<32) : Array(32..<64)
        return Handshake(
            role: role,
            own: role == .dialer ? Self.dialer : Self.listener,
            key: secret.handshakeKey(cluster: cluster),
            nonce: nonce.map { UInt8($0) }
        )
    }

    /// Hands one message over.
    private func step(
        _ end: inout Handshake,
        _ bytes: [UInt8]
    ) throws(HandshakeError) -> Handshake.Step {
        var buffer = ByteBuffer(bytes: bytes)
        return try end.receive(&buffer)
    }

    @Test("The handshake is that of docs/protocol/frames.md, byte for byte")
    func documented() throws {
        let page = try DocumentedBytes(page: "docs/protocol/frames.md")
        var (dialer, listener) = (try self.end(.dialer), try self.end(.listener))
        #expect(dialer.opening == (try page.bytes("dialer hello")))
        #expect(listener.opening == [])
        let hello = try self.step(&listener, dialer.opening)
        #expect(hello == .send(try page.bytes("listener hello")))
        let proof = try self.step(&dialer, try page.bytes("listener hello"))
        #expect(proof == .send(try page.bytes("dialer proof")))
        let last = try self.step(&listener, try page.bytes("dialer proof"))
        #expect(last == .finished(Self.dialer, last: try page.bytes("listener proof")))
        let end = try self.step(&dialer, try page.bytes("listener proof"))
        #expect(end == .finished(Self.listener, last: []))
    }

    @Test("A hello or proof with any bit changed is refused", arguments: UInt64(0)..<64)
    func changedBits(seed: UInt64) throws {
        let page = try DocumentedBytes(page: "docs/protocol/frames.md")
        var random = SplitMix64(seed: seed)
        func change(_ bytes: [UInt8]) -> [UInt8] {
            var bytes = bytes
            let index = Int.random(in: 0..<bytes.count, using: &random)
            bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            return bytes
        }
        // A changed proof.
        var listener = try self.end(.listener)
        _ = try self.step(&listener, try page.bytes("dialer hello"))
        #expect(throws: HandshakeError.wrongProof) {
            try self.step(&listener, change(try page.bytes("dialer proof")))
        }
        // A changed hello: refused at once, or its proof does not fit.
        var second = try self.end(.listener)
        do {
            _ = try self.step(&second, change(try page.bytes("dialer hello")))
            _ = try self.step(&second, try page.bytes("dialer proof"))
            Issue.record("a changed hello was taken")
        } catch { #expect(error is HandshakeError) }
    }

    @Test("A proof that comes back to its author is refused")
    func reflection() throws {
        var dialer = try self.end(.dialer)
        #expect(throws: HandshakeError.badRole(1)) { try self.step(&dialer, dialer.opening) }
        var second = try self.end(.dialer)
        let page = try DocumentedBytes(page: "docs/protocol/frames.md")
        guard case .send(let own) = try self.step(&second, try page.bytes("listener hello")) else {
            return
        }
        #expect(throws: HandshakeError.wrongProof) { try self.step(&second, own) }
    }

    @Test("A proof of an earlier connection does not fit a new nonce")
    func replay() throws {
        let page = try DocumentedBytes(page: "docs/protocol/frames.md")
        let secret = try #require(ClusterSecret(PeerPair.secret))
        var listener = Handshake(
            role: .listener,
            own: Self.listener,
            key: secret.handshakeKey(cluster: "demo"),
            nonce: Handshake.freshNonce()
        )
        _ = try self.step(&listener, try page.bytes("dialer hello"))
        #expect(throws: HandshakeError.wrongProof) {
            try self.step(&listener, try page.bytes("dialer proof"))
        }
    }

    @Test("Another version, role or reserved field is refused by name")
    func badHellos() throws {
        let page = try DocumentedBytes(page: "docs/protocol/frames.md")
        let cases: [(Int, UInt8, HandshakeError)] = [
            (0, 0x00, .badMagic(0x0052_4950)), (4, 2, .unsupportedVersion(2)), (5, 7, .badRole(7)),
            (5, 2, .badRole(2)), (7, 1, .badReserved(1)),
        ]
        for (index, value, expected) in cases {
            var listener = try self.end(.listener)
            var hello = try page.bytes("dialer hello")
            hello[index] = value
            #expect(throws: expected) { try self.step(&listener, hello) }
        }
    }

    @Test(
        "Frames that come together with the listener's proof are not lost",
        arguments: [0, 1, 88]
    )
    func earlyFrames(extra: Int) throws {
        let page = try DocumentedBytes(page: "docs/protocol/frames.md")
        let dialer = try self.end(.dialer)
        let channel = EmbeddedChannel()
        let handler = HandshakeHandler(dialer, timeout: .seconds(1)) { result, _ in
            #expect(result == .success(Self.listener))
        }
        try channel.pipeline.syncOperations.addHandler(handler)
        channel.pipeline.fireChannelActive()
        let frames = ByteBuffer(repeating: 7, count: extra)
        let listener = try page.bytes("listener hello") + page.bytes("listener proof")
        // In two reads, cut in the middle of the proof.
        try channel.writeInbound(ByteBuffer(bytes: listener.prefix(70)))
        var rest = ByteBuffer(bytes: listener.dropFirst(70))
        rest.writeImmutableBuffer(frames)
        try channel.writeInbound(rest)
        #expect(try channel.readInbound(as: ByteBuffer.self) == (extra == 0 ? nil : frames))
        try channel.writeInbound(ByteBuffer(string: "later"))
        #expect(try channel.readInbound(as: ByteBuffer.self) == ByteBuffer(string: "later"))
        #expect(throws: (any Error).self) {
            try channel.pipeline.syncOperations.handler(type: HandshakeHandler.self)
        }
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("A secret is long enough and is never printed")
    func secret() throws {
        #expect(ClusterSecret("too short") == nil)
        let secret = try #require(ClusterSecret(PeerPair.secret))
        #expect(!"\(secret) \(String(reflecting: secret))".contains("horse"))
        var settings = try PeerPair.settings(PeerPair.clientNode)
        settings.cluster = "demo"
        #expect(!"\(settings)".contains("horse"))
        var dumped = ""
        dump(settings, to: &dumped)
        #expect(!dumped.contains("horse"))
    }

    @Test("Addresses are a host and a port")
    func addresses() {
        #expect(PeerAddress("10.0.0.1:7332") == PeerAddress(host: "10.0.0.1", port: 7_332))
        #expect(PeerAddress("[::1]:80")?.description == "[::1]:80")
        #expect(PeerAddress("n1.example:0")?.host == "n1.example")
        for text in ["", ":", "host", "host:", ":80", "host:65536", "host:-1", "::1:80", "h:8x"] {
            #expect(PeerAddress(text) == nil, "\(text)")
        }
    }
}
