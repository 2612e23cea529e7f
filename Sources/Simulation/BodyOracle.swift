import Crypto
package import NIOCore
import SimulatedRuntime
import StoreModel

/// Knows the bytes of every body: they are a function of the seed and the put that made them.
///
/// A body is one random block repeated, each repetition beginning with its own number: any slice
/// tells from which put and from which place it came.
package struct BodyOracle: Sendable {
    private static let blockBytes = 16 << 10

    package let seed: UInt64

    package init(seed: UInt64) { self.seed = seed }

    /// The body of one put.
    package func body(of put: Int, bytes: Int) -> ByteBuffer {
        var random = SplitMix64(seed: self.seed ^ (UInt64(put) << 20))
        // Half of the bodies are worth compressing.
        let mask: UInt64 = put % 2 == 0 ? .max : 0x0F0F_0F0F_0F0F_0F0F
        let words = (0..<(min(Self.blockBytes, bytes + 8) / 8)).map { _ in random.next() & mask }
        var block = ByteBuffer()
        _ = unsafe words.withUnsafeBytes { unsafe block.writeBytes($0) }
        var body = ByteBuffer()
        body.reserveCapacity(bytes)
        var repetition: UInt32 = 0
        while body.readableBytes < bytes {
            block.setInteger(UInt32(put), at: 0, endianness: .little)
            block.setInteger(repetition, at: 4)
            let count = min(block.readableBytes, bytes - body.readableBytes)
            body.writeImmutableBuffer(block.getSlice(at: 0, length: count) ?? ByteBuffer())
            repetition += 1
        }
        return body
    }

    /// The bytes of a body that may be put together of pieces.
    package func bytes(of body: History.Body) -> ByteBuffer {
        if body.isPlain { return self.body(of: body.put, bytes: body.bytes) }
        var bytes = ByteBuffer()
        bytes.reserveCapacity(body.bytes)
        for piece in body.pieces {
            let whole = self.body(of: piece.put, bytes: piece.bytes)
            let slice = whole.getSlice(at: piece.range.lowerBound, length: piece.range.count)
            bytes.writeImmutableBuffer(slice ?? ByteBuffer())
        }
        return bytes
    }

    /// The ETag of a body: its MD5.
    package static func etag(of body: ByteBuffer) -> String {
        var digest = Insecure.MD5()
        unsafe body.withUnsafeReadableBytes { unsafe digest.update(bufferPointer: $0) }
        return Hexadecimal.text(Array(digest.finalize()))
    }
}
