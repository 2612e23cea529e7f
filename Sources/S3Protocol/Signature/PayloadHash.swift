import Crypto
import StoreModel

/// What a signature says of the body: the value of `x-amz-content-sha256`.
package enum PayloadHash: Hashable, Sendable {
    /// The SHA-256 of the whole body.
    case sha256([UInt8])
    /// Nothing.
    case unsigned
    /// aws-chunked, each chunk signed; with a signed trailer or without.
    case signedChunks(trailer: Bool)
    /// aws-chunked, nothing signed, a checksum in the trailer.
    case unsignedChunks

    package static let empty = PayloadHash.sha256(Array(SHA256.hash(data: [UInt8]())))

    /// Of a body that is at hand.
    package init(of body: [UInt8]) { self = .sha256(Array(SHA256.hash(data: body))) }

    package init(parsing text: String) throws(S3Error) {
        switch text {
        case "UNSIGNED-PAYLOAD": self = .unsigned
        case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": self = .signedChunks(trailer: false)
        case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": self = .signedChunks(trailer: true)
        case "STREAMING-UNSIGNED-PAYLOAD-TRAILER": self = .unsignedChunks
        case "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
            "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER":
            throw .notImplemented("The payload hash \(text)")
        default:
            // Only in the form that is signed: lower case.
            guard
                let digest = Hexadecimal.bytes(text), digest.count == SHA256.byteCount,
                Hexadecimal.text(digest) == text
            else {
                throw .invalidArgument(
                    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, "
                        + "STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "
                        + "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
                    "x-amz-content-sha256",
                    text
                )
            }
            self = .sha256(digest)
        }
    }

    package var text: String {
        switch self {
        case .sha256(let digest): Hexadecimal.text(digest)
        case .unsigned: "UNSIGNED-PAYLOAD"
        case .signedChunks(trailer: false): "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
        case .signedChunks(trailer: true): "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
        case .unsignedChunks: "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        }
    }

    /// Whether the body is cut into aws-chunked pieces.
    package var isChunked: Bool {
        switch self {
        case .sha256, .unsigned: false
        case .signedChunks, .unsignedChunks: true
        }
    }
}
