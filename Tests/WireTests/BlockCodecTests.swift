import NIOCore
import StoreModel
import TestSupport
import Testing

@testable import Wire

struct BlockCodecTests {
    /// A chunk of one deflated block whose table lies about what the block holds.
    private func lie(_ stored: ByteBuffer, contentBytes: Int) throws -> StoredChunk {
        let entry = BlockEntry(
            codec: .deflate,
            storedBytes: stored.readableBytes,
            checksum: CRC32C.checksum(of: stored)
        )
        let header = ChunkHeader(contentBytes: contentBytes, table: [entry])
        return try StoredChunk(header: header, blocks: stored)
    }

    @Test("A stream that inflates to more than the block is refused, and not inflated further")
    func bomb() throws {
        let bomb = StoredChunk.encode(ByteBuffer(repeating: 0, count: Limit.blockBytes)).blocks
        for contentBytes in [bomb.readableBytes + 1, 1_000, Limit.blockBytes - 1] {
            #expect(throws: BlockError.notInflatable(block: 0)) {
                try self.lie(bomb, contentBytes: contentBytes).content()
            }
        }
        #expect(
            try self.lie(bomb, contentBytes: Limit.blockBytes).content().readableBytes == 1 << 17
        )
    }

    @Test("A stream that inflates to less than the block is refused")
    func short() throws {
        let stored = StoredChunk.encode(ByteBuffer(repeating: 0, count: 5_000)).blocks
        #expect(throws: BlockError.notInflatable(block: 0)) {
            try self.lie(stored, contentBytes: 5_001).content()
        }
    }

    @Test("Bytes after the end of the stream are refused")
    func trailing() throws {
        var stored = StoredChunk.encode(ByteBuffer(repeating: 0, count: 5_000)).blocks
        stored.writeInteger(UInt8(0))
        #expect(throws: BlockError.notInflatable(block: 0)) {
            try self.lie(stored, contentBytes: 5_000).content()
        }
    }

    @Test("A stream cut short anywhere is refused")
    func truncated() throws {
        let stored = StoredChunk.encode(ContentKind.text.content(2_000, seed: 4)).blocks
        for length in 1..<stored.readableBytes {
            let cut = try #require(stored.getSlice(at: stored.readerIndex, length: length))
            #expect(throws: BlockError.notInflatable(block: 0)) {
                try self.lie(cut, contentBytes: 2_000).content()
            }
        }
    }

    @Test("Bytes that are no stream are refused, though their checksum is right", arguments: 0..<64)
    func noise(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        let noise = random.bytes(Int.random(in: 1...3_000, using: &random))
        #expect(throws: BlockError.notInflatable(block: 0)) {
            try self.lie(noise, contentBytes: 100_000).content()
        }
    }

    @Test("The sample tells random bytes from text, zeroes and numbers", arguments: UInt64(0)..<32)
    func sample(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let count = Int.random(in: 512...Limit.blockBytes, using: &random)
        #expect(BlockCodec.looksRandom(random.bytes(count)))
        #expect(!BlockCodec.looksRandom(random.text(count)))
        #expect(!BlockCodec.looksRandom(ByteBuffer(repeating: 0, count: count)))
        var numbers = ByteBuffer()
        for number in 0..<UInt32(count / 4) { numbers.writeInteger(number) }
        #expect(!BlockCodec.looksRandom(numbers))
    }
}
