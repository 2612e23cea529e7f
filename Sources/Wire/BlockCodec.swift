import CZlib
import NIOCore
package import StoreModel

/// How one block is stored.
///
/// Layout: docs/protocol/blocks.md, "Codecs".
package enum BlockCodec: UInt8, Hashable, Sendable, CaseIterable {
    /// As it is.
    case raw = 0
    /// One zlib stream.
    case deflate = 1
}

/// One row of a chunk's block table.
package struct BlockEntry: Hashable, Sendable, BinaryRecord {
    package static let byteCount = 9

    package let codec: BlockCodec
    /// Bytes of the block as stored: 1 to its content bytes; fewer than those if deflated.
    package let storedBytes: Int
    /// CRC32C of the block as stored.
    package let checksum: UInt32

    package init(codec: BlockCodec, storedBytes: Int, checksum: UInt32) {
        precondition((1...Limit.blockBytes).contains(storedBytes), "A block is never empty.")
        self.codec = codec
        self.storedBytes = storedBytes
        self.checksum = checksum
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let tag: UInt8 = try reader.read()
        guard let codec = BlockCodec(rawValue: tag) else { throw .unknownTag(tag) }
        let storedBytes = Int(try reader.read(UInt32.self))
        guard (1...Limit.blockBytes).contains(storedBytes) else {
            throw .tooLong(bytes: storedBytes, limit: Limit.blockBytes)
        }
        self.codec = codec
        self.storedBytes = storedBytes
        self.checksum = try reader.read()
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.codec.rawValue)
        writer.write(UInt32(self.storedBytes))
        writer.write(self.checksum)
    }
}

/// Why stored blocks were refused.
///
/// `block` is the index in the whole chunk.
package enum BlockError: Error, Hashable, Sendable {
    /// The table announces other lengths than the bytes have.
    case wrongLength(announced: Int, found: Int)
    /// The bytes are not those that were stored.
    case damaged(block: Int)
    /// The checksum is right, but the stream does not inflate to exactly the block's content.
    case notInflatable(block: Int)
    /// No such blocks in the chunk, or in what was read of it.
    case noSuchBlocks(Range<Int>)
}

extension BlockCodec {
    /// What deflating must save to be worth the inflating: one eighth of the block.
    static let savingDivisor = 8

    /// The block as it is to be stored: deflated when that saves enough.
    static func encode(_ block: ByteBuffer) -> (entry: BlockEntry, stored: ByteBuffer) {
        let deflated = Self.looksRandom(block) ? nil : Self.deflate(block)
        let stored = deflated ?? block
        let entry = BlockEntry(
            codec: deflated == nil ? .raw : .deflate,
            storedBytes: stored.readableBytes,
            checksum: CRC32C.checksum(of: stored)
        )
        return (entry, stored)
    }

    /// Whether a sample of the bytes is spread as evenly as random ones: compressed media,
    /// archives, ciphertext.
    ///
    /// Then trying to deflate costs 3 ms a block and gains nothing.
    ///
    /// Counts pairs of equal bytes among at most 2,048: n(n − 1) ÷ 512 are expected of random ones,
    /// and 1.5 times as many are tolerated. Long repeats of random bytes are not seen.
    static func looksRandom(_ block: ByteBuffer) -> Bool {
        let runBytes = 64
        let step = max(runBytes, block.readableBytes / 32)
        var counts = [Int](repeating: 0, count: 256)
        var sampled = 0
        unsafe block.withUnsafeReadableBytes { bytes in
            for start in stride(from: 0, to: bytes.count, by: step) {
                for index in start..<min(start + runBytes, bytes.count) {
                    counts[Int(unsafe bytes[index])] += 1
                    sampled += 1
                }
            }
        }
        let twicePairs = counts.reduce(0) { $0 + $1 * ($1 - 1) }
        return twicePairs * 256 * 2 <= sampled * (sampled - 1) * 3
    }

    /// - Returns: nil if deflating saves too little.
    private static func deflate(_ block: ByteBuffer) -> ByteBuffer? {
        let bytesMax = block.readableBytes - block.readableBytes / Self.savingDivisor - 1
        guard bytesMax > 0 else { return nil }
        var stored = ByteBufferAllocator().buffer(capacity: bytesMax)
        let written = unsafe block.withUnsafeReadableBytes { content in
            unsafe stored.writeWithUnsafeMutableBytes(minimumWritableBytes: bytesMax) { target in
                var bytes = uLong(bytesMax)
                let status = unsafe compress2(
                    target.baseAddress?.assumingMemoryBound(to: Bytef.self),
                    &bytes,
                    content.baseAddress?.assumingMemoryBound(to: Bytef.self),
                    uLong(content.count),
                    Z_BEST_SPEED
                )
                return status == Z_OK ? Int(bytes) : 0
            }
        }
        return written > 0 ? stored : nil
    }

    /// Appends the content of a deflated block to `content`.
    ///
    /// Never writes more than `contentBytes`: a stream that holds more, or less, or that is
    /// followed by anything, is refused.
    ///
    /// - Returns: false, with `content` unchanged, if it was refused.
    static func inflate(
        _ stored: ByteBuffer,
        contentBytes: Int,
        into content: inout ByteBuffer
    ) -> Bool {
        let written = unsafe stored.withUnsafeReadableBytes { source in
            unsafe content.writeWithUnsafeMutableBytes(minimumWritableBytes: contentBytes) {
                target in
                var (bytes, consumed) = (uLong(contentBytes), uLong(source.count))
                let status = unsafe uncompress2(
                    target.baseAddress?.assumingMemoryBound(to: Bytef.self),
                    &bytes,
                    source.baseAddress?.assumingMemoryBound(to: Bytef.self),
                    &consumed
                )
                let isWhole = bytes == contentBytes && consumed == source.count
                return status == Z_OK && isWhole ? contentBytes : 0
            }
        }
        return written == contentBytes
    }
}
