import NIOCore
import StoreModel
import TestSupport
import Testing

@testable import Wire

extension SplitMix64 {
    /// Bytes of which none foretells another.
    mutating func bytes(_ count: Int) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count + 8)
        while buffer.readableBytes < min(count, Self.drawnBytes) {
            buffer.writeInteger(self.next())
        }
        return Self.repeating(buffer, to: count)
    }

    /// Bytes that deflate well: words of a small vocabulary.
    mutating func text(_ count: Int) -> ByteBuffer {
        let words = ["copy ", "source ", "target ", "ring ", "block ", "chunk ", "hold ", "\n"]
        var buffer = ByteBufferAllocator().buffer(capacity: count + 8)
        while buffer.readableBytes < min(count, Self.drawnBytes) {
            buffer.writeString(words[Int(self.next() % UInt64(words.count))])
        }
        return Self.repeating(buffer, to: count)
    }

    /// Bytes that are drawn; longer content repeats them, out of sight of deflate's window of 32
    /// KiB.
    private static let drawnBytes = 72 << 10

    private static func repeating(_ drawn: ByteBuffer, to count: Int) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count + drawn.readableBytes)
        while buffer.readableBytes < count { buffer.writeImmutableBuffer(drawn) }
        buffer.moveWriterIndex(to: count)
        return buffer
    }
}

/// Kinds of content that the codec treats differently.
enum ContentKind: CaseIterable {
    case zero
    case text
    case random
    case mixed

    func content(_ count: Int, seed: UInt64) -> ByteBuffer {
        var random = SplitMix64(seed: seed)
        switch self {
        case .zero: return ByteBuffer(repeating: 0, count: count)
        case .text: return random.text(count)
        case .random: return random.bytes(count)
        case .mixed:
            var buffer = ByteBuffer()
            while buffer.readableBytes < count {
                let bytes = min(count - buffer.readableBytes, Limit.blockBytes)
                let isText = random.next() & 1 == 0
                buffer.writeImmutableBuffer(isText ? random.text(bytes) : random.bytes(bytes))
            }
            return buffer
        }
    }
}

struct StoredChunkTests {
    /// Lengths around the borders of blocks, and the largest.
    static let lengths = [
        1, 2, 3, 7, 100, 4_096, Limit.blockBytes - 1, Limit.blockBytes, Limit.blockBytes + 1,
        2 * Limit.blockBytes - 1, 2 * Limit.blockBytes, 2 * Limit.blockBytes + 1,
        5 * Limit.blockBytes + 77, Limit.chunkBytes - 1, Limit.chunkBytes,
    ]

    @Test("Content of any kind and length comes back unchanged", arguments: lengths)
    func roundTrip(length: Int) throws {
        for kind in ContentKind.allCases {
            let content = kind.content(length, seed: UInt64(length))
            let chunk = StoredChunk.encode(content)
            #expect(chunk.contentBytes == length)
            #expect(chunk.blocks.readableBytes == chunk.header.storedBytes)
            #expect(chunk.header.storedBytes <= length)
            try chunk.verify()
            #expect(try chunk.content() == content, "\(kind)")
        }
    }

    @Test("A content buffer that starts in the middle of another is encoded from its own start")
    func slicedContent() throws {
        var random = SplitMix64(seed: 3)
        var content = random.text(300_000)
        content.moveReaderIndex(forwardBy: 1_234)
        let chunk = StoredChunk.encode(content)
        #expect(try chunk.content() == content)
    }

    @Test("What deflates well is deflated; what does not is stored as it is, without a copy")
    func choice() throws {
        let text = StoredChunk.encode(ContentKind.text.content(300_000, seed: 1))
        #expect(text.table.allSatisfy { $0.codec == .deflate })
        #expect(text.header.storedBytes < 100_000)
        let content = ContentKind.random.content(300_000, seed: 1)
        let random = StoredChunk.encode(content)
        #expect(random.table.allSatisfy { $0.codec == .raw })
        let isShared = unsafe content.withVeryUnsafeBytes { content in
            unsafe random.blocks.withVeryUnsafeBytes { stored in
                unsafe content.baseAddress == stored.baseAddress
            }
        }
        #expect(isShared)
        #expect(random.blocks == content)
    }

    @Test(
        "A block is deflated only if that saves an eighth",
        arguments: [0.0, 0.05, 0.1, 0.2, 0.5]
    )
    func saving(share: Double) {
        var random = SplitMix64(seed: 9)
        let zeroes = Int(Double(Limit.blockBytes) * share)
        var content = ByteBuffer(repeating: 0, count: zeroes)
        content.writeImmutableBuffer(random.bytes(Limit.blockBytes - zeroes))
        let entry = StoredChunk.encode(content).table[0]
        switch entry.codec {
        case .raw: #expect(entry.storedBytes == Limit.blockBytes)
        case .deflate: #expect(entry.storedBytes * 8 < Limit.blockBytes * 7)
        }
        #expect(entry.codec == (share >= 0.2 ? .deflate : .raw))
    }

    @Test("Any range of blocks gives exactly its part of the content", arguments: UInt64(0)..<16)
    func ranges(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let length = Int.random(in: 1...(9 * Limit.blockBytes), using: &random)
        let content = ContentKind.mixed.content(length, seed: seed)
        let chunk = StoredChunk.encode(content)
        let first = Int.random(in: 0..<chunk.table.count, using: &random)
        let end = Int.random(in: (first + 1)...chunk.table.count, using: &random)
        let slice = try chunk.slice(ofBlocks: first..<end)
        let range = slice.header.contentRange
        #expect(try slice.content() == content.getSlice(at: range.lowerBound, length: range.count))
        #expect(try chunk.content(of: first..<end) == slice.content())

        let stored = chunk.header.storedRange(ofBlocks: first..<end)
        let bytes = try #require(
            chunk.blocks.getSlice(
                at: chunk.blocks.readerIndex + stored.lowerBound,
                length: stored.count
            )
        )
        let reread = try ChunkSlice(
            header: ChunkSliceHeader(chunk.header, blocks: first..<end),
            blocks: bytes
        )
        #expect(reread == slice)
        let inner = try slice.slice(ofBlocks: (end - 1)..<end)
        #expect(try inner.content() == chunk.content(of: (end - 1)..<end))
    }

    @Test(
        "Blocks that the chunk does not have are refused",
        arguments: [3..<3, -1..<1, 0..<4, 4..<5]
    )
    func noSuchBlocks(range: Range<Int>) {
        let chunk = StoredChunk.encode(ByteBuffer(repeating: 7, count: 3 * Limit.blockBytes))
        #expect(throws: BlockError.noSuchBlocks(range)) { try chunk.slice(ofBlocks: range) }
    }

    @Test("One flipped bit anywhere in the blocks is found", arguments: UInt64(0)..<64)
    func bitFlips(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let kind = ContentKind.allCases[Int(seed) % ContentKind.allCases.count]
        let chunk = StoredChunk.encode(kind.content(2 * Limit.blockBytes + 500, seed: seed))
        var blocks = chunk.blocks
        let index = blocks.readerIndex + Int.random(in: 0..<blocks.readableBytes, using: &random)
        let byte = try #require(blocks.getInteger(at: index, as: UInt8.self))
        blocks.setInteger(byte ^ (1 << UInt8.random(in: 0..<8, using: &random)), at: index)
        let damaged = try StoredChunk(header: chunk.header, blocks: blocks)
        #expect(throws: BlockError.self) { try damaged.verify() }
        #expect(throws: BlockError.self) { try damaged.content() }
    }

    @Test("Blocks of another length than the table's are refused")
    func wrongLength() {
        let chunk = StoredChunk.encode(ByteBuffer(repeating: 1, count: 1_000))
        var blocks = chunk.blocks
        blocks.writeInteger(UInt8(0))
        #expect(throws: BlockError.self) { try StoredChunk(header: chunk.header, blocks: blocks) }
    }
}
