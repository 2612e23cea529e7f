package import StoreModel

/// What must be known of a stored chunk to read it: its length and its block table.
///
///     content bytes u32 | blocks u8 | each: codec u8, stored bytes u32, CRC32C u32
///
/// The same bytes stand in messages and in volume records. The content of all blocks but the last
/// is ``Limit/blockBytes`` long. Layout: docs/protocol/blocks.md, "Chunk header".
package struct ChunkHeader: Hashable, Sendable, BinaryRecord {
    /// Longest binary form, in bytes.
    package static let byteCountMax = 5 + Limit.chunkBlocks * BlockEntry.byteCount

    /// Bytes of content of the chunk: 1 to ``Limit/chunkBytes``.
    package let contentBytes: Int
    /// One entry per block, in order.
    package let table: [BlockEntry]

    package init(contentBytes: Int, table: [BlockEntry]) {
        precondition((1...Limit.chunkBytes).contains(contentBytes), "A chunk is never empty.")
        precondition(table.count == Self.blockCount(contentBytes: contentBytes))
        self.contentBytes = contentBytes
        self.table = table
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let contentBytes = try Self.readContentBytes(&reader)
        let count = Int(try reader.read(UInt8.self))
        guard count == Self.blockCount(contentBytes: contentBytes) else {
            throw .invalid("block count")
        }
        self.table = try Self.readTable(&reader, blocks: 0..<count, contentBytes: contentBytes)
        self.contentBytes = contentBytes
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(UInt32(self.contentBytes))
        writer.write(UInt8(self.table.count))
        for entry in self.table { entry.encode(into: &writer) }
    }

    /// Bytes of all blocks as stored: 1 to ``contentBytes``.
    package var storedBytes: Int { self.table.reduce(0) { $0 + $1.storedBytes } }

    /// Where the stored bytes of some blocks lie among those of all.
    ///
    /// - Precondition: the chunk has the blocks.
    package func storedRange(ofBlocks blocks: Range<Int>) -> Range<Int> {
        precondition(blocks.lowerBound >= 0 && blocks.upperBound <= self.table.count)
        let start = self.table[..<blocks.lowerBound].reduce(0) { $0 + $1.storedBytes }
        return start..<(start + self.table[blocks].reduce(0) { $0 + $1.storedBytes })
    }

    /// Blocks of a chunk of that length, at least 1.
    package static func blockCount(contentBytes: Int) -> Int {
        (contentBytes + Limit.blockBytes - 1) / Limit.blockBytes
    }

    /// Bytes of content of one block of a chunk.
    package static func contentBytes(ofBlock block: Int, in contentBytes: Int) -> Int {
        min(Limit.blockBytes, contentBytes - block * Limit.blockBytes)
    }

    /// The blocks that hold a range of the content.
    package static func blocks(holding range: Range<Int>) -> Range<Int> {
        let first = range.lowerBound / Limit.blockBytes
        guard !range.isEmpty else { return first..<first }
        return first..<Self.blockCount(contentBytes: range.upperBound)
    }

    static func readContentBytes(_ reader: inout ByteReader) throws(RecordError) -> Int {
        let bytes = Int(try reader.read(UInt32.self))
        guard (1...Limit.chunkBytes).contains(bytes) else {
            throw .tooLong(bytes: bytes, limit: Limit.chunkBytes)
        }
        return bytes
    }

    /// Reads the entries of `blocks`, which lie within the chunk: the list is never long.
    static func readTable(
        _ reader: inout ByteReader,
        blocks: Range<Int>,
        contentBytes: Int
    ) throws(RecordError) -> [BlockEntry] {
        var table: [BlockEntry] = []
        table.reserveCapacity(blocks.count)
        for block in blocks {
            let entry = try BlockEntry(from: &reader)
            let rawBytes = Self.contentBytes(ofBlock: block, in: contentBytes)
            let isSound =
                switch entry.codec {
                case .raw: entry.storedBytes == rawBytes
                case .deflate: entry.storedBytes < rawBytes
                }
            guard isSound else { throw .invalid("stored bytes of a block") }
            table.append(entry)
        }
        return table
    }
}
