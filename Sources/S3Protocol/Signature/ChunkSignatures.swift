import StoreModel

/// The signatures of an aws-chunked body: each covers the one before it.
///
/// Source: S3, "Signature calculations for the Authorization header: transferring payload in
/// multiple chunks", and "including trailing headers".
package struct ChunkSignatures: Sendable {
    private let key: SigningKey
    private let time: String
    private var previous: String

    init(key: SigningKey, time: String, seed: [UInt8]) {
        self.key = key
        self.time = time
        self.previous = Hexadecimal.text(seed)
    }

    private static let emptyHash = sha256Text([])

    /// Whether it is the signature of a chunk whose content has this SHA-256.
    ///
    /// If so, the next may follow.
    mutating func accept(_ signature: [UInt8], chunk hash: [UInt8]) -> Bool {
        self.accept(
            signature,
            of: "AWS4-HMAC-SHA256-PAYLOAD\n\(self.time)\n\(self.key.scope)\n\(self.previous)\n"
                + "\(Self.emptyHash)\n\(Hexadecimal.text(hash))"
        )
    }

    /// Whether it is the signature of these lines, each `name:value\n`, without the signature
    /// itself.
    mutating func accept(_ signature: [UInt8], trailer: [UInt8]) -> Bool {
        self.accept(
            signature,
            of: "AWS4-HMAC-SHA256-TRAILER\n\(self.time)\n\(self.key.scope)\n\(self.previous)\n"
                + sha256Text(trailer)
        )
    }

    private mutating func accept(_ signature: [UInt8], of text: String) -> Bool {
        guard self.key.isSignature(signature, of: text) else { return false }
        self.previous = Hexadecimal.text(signature)
        return true
    }
}
