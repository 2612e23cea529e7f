/// Proof that a request carries the signature of an access key.
///
/// Nothing but the comparisons in ``SignatureClaim/verify(_:with:at:)`` and
/// ``FormClaim/verify(with:)`` makes one, and every operation asks for one.
package struct Verified: Sendable {
    package let accessKey: String
    /// What the signature says of the body, which is still to be checked against it.
    package let payload: PayloadHash
    /// Where the signatures of chunks begin.
    package let chain: ChunkSignatures

    /// Compares, and throws if the signature is not the one.
    init(
        claim: SignatureClaim,
        textToSign: String,
        key: SigningKey
    ) throws(SignatureMismatch) {
        guard key.isSignature(claim.signature, of: textToSign) else { throw SignatureMismatch() }
        self.accessKey = claim.accessKey
        self.payload = claim.payload
        self.chain = ChunkSignatures(key: key, time: claim.time, seed: claim.signature)
    }
}

/// The signature is another one.
struct SignatureMismatch: Error {}
