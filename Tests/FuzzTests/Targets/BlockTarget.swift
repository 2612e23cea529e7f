import NIOCore
import StoreModel
import Wire

/// Blocks as stored and sent: a byte of flags, the header of a slice, the blocks.
///
/// With the flag the checksums of blocks are set right and the blocks are cut to the length that
/// the header announces, or nothing would come past them.
///
/// * The content is as long as the header says, or there is none: whatever a stream inflates to.
/// * Each block alone gives its part of the content.
/// * Content that was encoded is the same when it is decoded.
enum BlockTarget {
    /// Longest content that is encoded again: deflating takes time.
    private static let againBytes = 16 << 10
    /// Most bytes that are added to what an input has.
    private static let padBytes = 256 << 10

    static func check(_ bytes: [UInt8]) throws {
        var input = FuzzInput(bytes)
        let isRepaired = input.flag()
        var (header, blocks) = (input.bytes, [] as [UInt8])
        var reader = ByteReader(header)
        guard let first = try? ChunkSliceHeader(from: &reader) else { return }
        blocks = Array(header.suffix(reader.left))
        header.removeLast(reader.left)
        try demand(first.encoded == header, "another header")
        if isRepaired, first.storedBytes <= blocks.count + Self.padBytes {
            blocks = Array(blocks.prefix(first.storedBytes))
            blocks += [UInt8](repeating: 0, count: first.storedBytes - blocks.count)
            Self.repair(&header, first, blocks)
        }
        reader = ByteReader(header)
        let sound = try ChunkSliceHeader(from: &reader)
        guard let slice = try? ChunkSlice(header: sound, blocks: ByteBuffer(bytes: blocks)) else {
            try demand(sound.storedBytes != blocks.count, "refused, and as long as announced")
            return
        }
        try Self.checkSlice(slice)
    }

    private static func checkSlice(_ slice: ChunkSlice) throws {
        let isSound = (try? slice.verify()) != nil
        guard let content = try? slice.content() else { return }
        try demand(isSound, "content that is damaged")
        let bytes = slice.header.contentRange.count
        try demand(content.readableBytes == bytes, "another length: \(bytes), \(content)")
        var joined = ByteBuffer()
        for block in slice.header.blocks {
            var part = try slice.slice(ofBlocks: block..<(block + 1)).content()
            joined.writeBuffer(&part)
        }
        try demand(joined == content, "blocks are not their part")
        guard bytes <= Self.againBytes else { return }
        let chunk = StoredChunk.encode(content)
        try demand(try chunk.content() == content, "encoded and decoded is something else")
    }

    /// Sets the checksum of each block right.
    private static func repair(
        _ header: inout [UInt8],
        _ slice: ChunkSliceHeader,
        _ blocks: [UInt8]
    ) {
        var start = 0
        var place = header.count - slice.table.count * BlockEntry.byteCount
        for entry in slice.table {
            let block = Array(blocks[start..<(start + entry.storedBytes)])
            var writer = ByteWriter()
            writer.write(CRC32C.checksum(of: block))
            let end = place + BlockEntry.byteCount
            header.replaceSubrange((end - 4)..<end, with: writer.bytes)
            (start, place) = (start + entry.storedBytes, end)
        }
    }
}
