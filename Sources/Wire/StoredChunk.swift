package import NIOCore
import StoreModel

/// A chunk as it is stored and sent: encoded once, the same bytes everywhere.
///
/// Layout: docs/protocol/blocks.md.
package struct StoredChunk: Hashable, Sendable {
    package let header: ChunkHeader
    /// All blocks as stored, one after another: ``ChunkHeader/storedBytes``.
    package let blocks: ByteBuffer

    package var contentBytes: Int { self.header.contentBytes }
    package var table: [BlockEntry] { self.header.table }

    /// Puts together what was read or received.
    ///
    /// Checks the length only: see ``verify()``.
    package init(header: ChunkHeader, blocks: ByteBuffer) throws(BlockError) {
        guard blocks.readableBytes == header.storedBytes else {
            throw .wrongLength(announced: header.storedBytes, found: blocks.readableBytes)
        }
        self.header = header
        self.blocks = blocks
    }

    private init(encoded header: ChunkHeader, blocks: ByteBuffer) {
        precondition(blocks.readableBytes == header.storedBytes, "The table fits the blocks.")
        self.header = header
        self.blocks = blocks
    }

    /// Cuts content into blocks, and deflates those that shrink by an eighth or more.
    ///
    /// Takes up to 50 ms for a chunk of text: run it on `Workers`. Content of which no block
    /// shrinks is kept as it is, without a copy.
    ///
    /// - Precondition: 1 to ``Limit/chunkBytes`` readable bytes.
    package static func encode(_ content: ByteBuffer) -> StoredChunk {
        precondition((1...Limit.chunkBytes).contains(content.readableBytes))
        var table: [BlockEntry] = []
        var parts: [ByteBuffer] = []
        for index in 0..<ChunkHeader.blockCount(contentBytes: content.readableBytes) {
            let bytes = ChunkHeader.contentBytes(ofBlock: index, in: content.readableBytes)
            let start = content.readerIndex + index * Limit.blockBytes
            guard let block = content.getSlice(at: start, length: bytes) else {
                preconditionFailure("Block \(index) lies outside \(content).")
            }
            let (entry, stored) = BlockCodec.encode(block)
            table.append(entry)
            parts.append(stored)
        }
        let header = ChunkHeader(contentBytes: content.readableBytes, table: table)
        guard table.contains(where: { $0.codec != .raw }) else {
            return StoredChunk(encoded: header, blocks: content.slice())
        }
        var blocks = ByteBufferAllocator().buffer(capacity: header.storedBytes)
        for part in parts { blocks.writeImmutableBuffer(part) }
        return StoredChunk(encoded: header, blocks: blocks)
    }

    /// All blocks, to be read.
    package var whole: ChunkSlice {
        ChunkSlice(
            header: ChunkSliceHeader(self.header, blocks: 0..<self.table.count),
            verified: self.blocks
        )
    }

    /// Some of the blocks, without a copy.
    package func slice(ofBlocks blocks: Range<Int>) throws(BlockError) -> ChunkSlice {
        try self.whole.slice(ofBlocks: blocks)
    }

    /// Checks every block against its checksum.
    package func verify() throws(BlockError) { try self.whole.verify() }

    /// The content of some blocks, each verified; see ``ChunkSlice/content()``.
    package func content(of blockRange: Range<Int>) throws(BlockError) -> ByteBuffer {
        try self.slice(ofBlocks: blockRange).content()
    }

    /// The content of the chunk, verified.
    package func content() throws(BlockError) -> ByteBuffer { try self.whole.content() }
}
