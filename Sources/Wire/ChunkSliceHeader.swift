package import StoreModel

/// What must be known of some neighbouring blocks of a chunk to read them.
///
///     content bytes of the chunk u32 | first block u8 | blocks u8
///     | each: codec u8, stored bytes u32, CRC32C u32
///
/// Layout: docs/protocol/blocks.md, "Slice header".
package struct ChunkSliceHeader: Hashable, Sendable, BinaryRecord {
    /// Bytes of content of the whole chunk.
    package let contentBytes: Int
    /// Index in the chunk of the first entry.
    package let firstBlock: Int
    /// One entry per block, in order, at least one.
    package let table: [BlockEntry]

    /// - Precondition: the chunk has the blocks, and there is at least one.
    package init(_ header: ChunkHeader, blocks: Range<Int>) {
        precondition(blocks.lowerBound >= 0 && blocks.upperBound <= header.table.count)
        precondition(!blocks.isEmpty, "A slice is never empty.")
        self.init(
            contentBytes: header.contentBytes,
            firstBlock: blocks.lowerBound,
            table: Array(header.table[blocks])
        )
    }

    private init(contentBytes: Int, firstBlock: Int, table: [BlockEntry]) {
        self.contentBytes = contentBytes
        self.firstBlock = firstBlock
        self.table = table
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let contentBytes = try ChunkHeader.readContentBytes(&reader)
        let first = Int(try reader.read(UInt8.self))
        let count = Int(try reader.read(UInt8.self))
        let limit = ChunkHeader.blockCount(contentBytes: contentBytes)
        guard count > 0, first + count <= limit else { throw .invalid("blocks of a slice") }
        self.init(
            contentBytes: contentBytes,
            firstBlock: first,
            table: try ChunkHeader.readTable(
                &reader,
                blocks: first..<(first + count),
                contentBytes: contentBytes
            )
        )
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(UInt32(self.contentBytes))
        writer.write(UInt8(self.firstBlock))
        writer.write(UInt8(self.table.count))
        for entry in self.table { entry.encode(into: &writer) }
    }

    /// The blocks, as indices in the chunk.
    package var blocks: Range<Int> { self.firstBlock..<(self.firstBlock + self.table.count) }

    /// Bytes of the blocks as stored.
    package var storedBytes: Int { self.table.reduce(0) { $0 + $1.storedBytes } }

    /// The part of the chunk's content that the blocks hold.
    package var contentRange: Range<Int> {
        let start = self.firstBlock * Limit.blockBytes
        return start..<min(self.blocks.upperBound * Limit.blockBytes, self.contentBytes)
    }

    func slice(ofBlocks blocks: Range<Int>) -> ChunkSliceHeader {
        let first = blocks.lowerBound - self.firstBlock
        return ChunkSliceHeader(
            contentBytes: self.contentBytes,
            firstBlock: blocks.lowerBound,
            table: Array(self.table[first..<(first + blocks.count)])
        )
    }
}
