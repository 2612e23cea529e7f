package import NIOCore
import StoreModel

/// Some neighbouring blocks of a chunk as stored: what a reader asks for and gets.
package struct ChunkSlice: Hashable, Sendable {
    package let header: ChunkSliceHeader
    /// The blocks as stored, one after another: ``ChunkSliceHeader/storedBytes``.
    package let blocks: ByteBuffer

    /// Puts together what was read or received.
    ///
    /// Checks the length only: see ``verify()``.
    package init(header: ChunkSliceHeader, blocks: ByteBuffer) throws(BlockError) {
        guard blocks.readableBytes == header.storedBytes else {
            throw .wrongLength(announced: header.storedBytes, found: blocks.readableBytes)
        }
        self.header = header
        self.blocks = blocks
    }

    init(header: ChunkSliceHeader, verified blocks: ByteBuffer) {
        precondition(blocks.readableBytes == header.storedBytes, "The table fits the blocks.")
        self.header = header
        self.blocks = blocks
    }

    /// Some of the blocks, without a copy.
    ///
    /// `blocks` are indices in the chunk.
    package func slice(ofBlocks blocks: Range<Int>) throws(BlockError) -> ChunkSlice {
        let own = self.header.blocks
        guard
            !blocks.isEmpty, blocks.lowerBound >= own.lowerBound,
            blocks.upperBound <= own.upperBound
        else { throw .noSuchBlocks(blocks) }
        let table = self.header.table
        let before = table[..<(blocks.lowerBound - own.lowerBound)].reduce(0) {
            $0 + $1.storedBytes
        }
        let header = self.header.slice(ofBlocks: blocks)
        return ChunkSlice(header: header, verified: self.stored(at: before, header.storedBytes))
    }

    /// Checks every block against its checksum.
    package func verify() throws(BlockError) {
        try self.forEachBlock { _, _, _ throws(BlockError) in }
    }

    /// The content of the blocks, verified.
    ///
    /// Blocks stored raw are given back without a copy, if all are.
    ///
    /// - Throws: ``BlockError/damaged(block:)`` or ``BlockError/notInflatable(block:)`` for the
    ///   first block that is not right. Nothing of the content is given then.
    package func content() throws(BlockError) -> ByteBuffer {
        if self.header.table.allSatisfy({ $0.codec == .raw }) {
            try self.verify()
            return self.blocks.slice()
        }
        let bytes = self.header.contentRange.count
        var content = ByteBufferAllocator().buffer(capacity: bytes)
        try self.forEachBlock { block, entry, stored throws(BlockError) in
            switch entry.codec {
            case .raw:
                content.writeImmutableBuffer(stored)
            case .deflate:
                let isWhole = BlockCodec.inflate(
                    stored,
                    contentBytes: ChunkHeader.contentBytes(
                        ofBlock: block,
                        in: self.header.contentBytes
                    ),
                    into: &content
                )
                guard isWhole else { throw .notInflatable(block: block) }
            }
        }
        assert(content.readableBytes == bytes, "The content is as long as its blocks.")
        return content
    }

    /// Gives each block, its checksum verified, with its index in the chunk.
    private func forEachBlock(
        _ body: (Int, BlockEntry, ByteBuffer) throws(BlockError) -> Void
    ) throws(BlockError) {
        var offset = 0
        for (block, entry) in zip(self.header.blocks, self.header.table) {
            let stored = self.stored(at: offset, entry.storedBytes)
            guard CRC32C.checksum(of: stored) == entry.checksum else {
                throw .damaged(block: block)
            }
            try body(block, entry, stored)
            offset += entry.storedBytes
        }
    }

    private func stored(at offset: Int, _ count: Int) -> ByteBuffer {
        guard let slice = self.blocks.getSlice(at: self.blocks.readerIndex + offset, length: count)
        else { preconditionFailure("Blocks at \(offset) lie outside \(self.blocks).") }
        return slice
    }
}
