import Crypto
import NIOCore
import StoreModel

/// The ends of a connection.
enum HandshakeRole: UInt8, Hashable, Sendable {
    /// Opened the connection and asks.
    case dialer = 1
    /// Accepted it and answers.
    case listener = 2
}

/// Why a connection was closed before it carried a frame.
enum HandshakeError: Error, Hashable, Sendable {
    case badMagic(UInt32)
    case unsupportedVersion(UInt8)
    case badRole(UInt8)
    case badReserved(UInt16)
    /// Another secret, another cluster name, or somebody in between.
    case wrongProof
    /// Bytes that nobody had asked for yet.
    case extraBytes(Int)
    case timedOut
    case closed(receivedBytes: Int)
    /// Somebody else than the node that was expected answers there.
    case unexpectedNode(NodeID)
    case tooManyConnections
}

/// The first message of each end.
///
///     magic u32 | version u8 | role u8 | reserved u16 = 0 | node 16 bytes | nonce 32 bytes
///
/// Layout: docs/protocol/frames.md, "Handshake".
struct HandshakeHello: Hashable, Sendable {
    static let byteCount = 56
    static let nonceBytes = 32
    static let magic: UInt32 = 0x5452_4950  // "TRIP"
    static let version: UInt8 = 1

    let role: HandshakeRole
    let node: NodeID
    let nonce: [UInt8]

    init(role: HandshakeRole, node: NodeID, nonce: [UInt8]) {
        precondition(nonce.count == Self.nonceBytes)
        self.role = role
        self.node = node
        self.nonce = nonce
    }

    /// - Precondition: `bytes` holds at least ``byteCount``.
    init(from bytes: inout ByteBuffer) throws(HandshakeError) {
        typealias Fields = (UInt32, UInt8, UInt8, UInt16, UInt64, UInt64)
        guard
            let (magic, version, tag, reserved, high, low) =
                bytes.readMultipleIntegers(as: Fields.self),
            let nonce = bytes.readBytes(length: Self.nonceBytes)
        else { preconditionFailure("A hello is read once all of it is there.") }
        guard magic == Self.magic else { throw .badMagic(magic) }
        guard version == Self.version else { throw .unsupportedVersion(version) }
        guard let role = HandshakeRole(rawValue: tag) else { throw .badRole(tag) }
        guard reserved == 0 else { throw .badReserved(reserved) }
        self.init(role: role, node: NodeID(high: high, low: low), nonce: nonce)
    }

    var encoded: [UInt8] {
        var writer = ByteWriter(reserving: Self.byteCount)
        writer.write(Self.magic)
        writer.write(Self.version)
        writer.write(self.role.rawValue)
        writer.write(UInt16(0))
        self.node.encode(into: &writer)
        writer.writeRaw(self.nonce)
        return writer.bytes
    }
}

/// Both ends prove that they know the cluster's secret, before anything else is read.
///
///     dialer   → hello                 listener → hello
///     dialer   → proof                 listener → proof
///
/// The dialer proves itself first: whoever merely connects learns nothing that the secret went
/// into. A proof covers its role and both hellos, so it can be neither replayed nor reflected.
/// Source: docs/protocol/frames.md, "Handshake".
struct Handshake {
    /// What to do after a message of the other end.
    enum Step: Hashable {
        case send([UInt8])
        /// The other end is who it says. Send `last`, if any; frames follow.
        case finished(NodeID, last: [UInt8])
    }

    static let proofBytes = 32

    private enum State {
        case hello
        case proof(HandshakeHello)
    }

    private let role: HandshakeRole
    private let key: SymmetricKey
    private let ownHello: HandshakeHello
    private var state = State.hello

    /// Begins on the own side; `nonce` is 32 random bytes, never used before.
    init(role: HandshakeRole, own: NodeID, key: SymmetricKey, nonce: [UInt8]) {
        self.role = role
        self.key = key
        self.ownHello = HandshakeHello(role: role, node: own, nonce: nonce)
    }

    static func freshNonce() -> [UInt8] {
        unsafe SymmetricKey(size: .bits256).withUnsafeBytes { unsafe Array($0) }
    }

    /// What the dialer sends unasked.
    var opening: [UInt8] { self.role == .dialer ? self.ownHello.encoded : [] }

    /// Length of the message that comes next.
    var expectedBytes: Int {
        switch self.state {
        case .hello: HandshakeHello.byteCount
        case .proof: Self.proofBytes
        }
    }

    /// Reads the other end's next message: exactly ``expectedBytes``.
    mutating func receive(_ message: inout ByteBuffer) throws(HandshakeError) -> Step {
        let otherRole: HandshakeRole = self.role == .dialer ? .listener : .dialer
        switch self.state {
        case .hello:
            let hello = try HandshakeHello(from: &message)
            guard hello.role == otherRole else { throw .badRole(hello.role.rawValue) }
            self.state = .proof(hello)
            return .send(
                self.role == .dialer ? self.proof(of: .dialer, hello) : self.ownHello.encoded
            )
        case .proof(let hello):
            guard let proof = message.readBytes(length: Self.proofBytes) else {
                preconditionFailure("A proof is read once all of it is there.")
            }
            // Compares in constant time.
            let isRight = HMAC<SHA256>.isValidAuthenticationCode(
                proof,
                authenticating: self.transcript(otherRole, hello),
                using: self.key
            )
            guard isRight else { throw .wrongProof }
            let last = self.role == .listener ? self.proof(of: .listener, hello) : []
            return .finished(hello.node, last: last)
        }
    }

    private func proof(of role: HandshakeRole, _ hello: HandshakeHello) -> [UInt8] {
        Array(
            HMAC<SHA256>.authenticationCode(for: self.transcript(role, hello), using: self.key)
        )
    }

    /// What the proof of `role` covers: its role, the dialer's hello, the listener's.
    private func transcript(_ role: HandshakeRole, _ other: HandshakeHello) -> [UInt8] {
        let (dialer, listener) =
            self.role == .dialer ? (self.ownHello, other) : (other, self.ownHello)
        return [role.rawValue] + dialer.encoded + listener.encoded
    }
}
