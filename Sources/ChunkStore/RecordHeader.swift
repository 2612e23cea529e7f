import NIOCore
import StoreModel
import Wire

/// What stands in a volume before the stored blocks of a chunk.
///
///     magic u32 | version u8 = 1 | volume nonce u64 | offset in the volume u64
///     | chunk name (28 bytes) | chunk header | CRC32C u32 of all before
///
/// Records begin at multiples of 4 KiB, so that a write that is torn harms no other record. Nonce
/// and offset tie a record to its place: bytes that a client made up, or that an earlier file has
/// left, are never taken for one. Layout: docs/format/volumes.md, "Records".
struct RecordHeader: Hashable, Sendable {
    static let magic: UInt32 = 0x5452_4C52  // "TRLR"
    /// Records begin at multiples of this, in bytes.
    static let alignment = 4 << 10
    private static let version: UInt8 = 1
    private static let fixedBytes = 4 + 1 + 8 + 8 + ChunkName.byteCount + 4
    /// The largest record, in bytes: header and blocks, up to the next record.
    static let recordBytesMax = Self.aligned(
        Self.fixedBytes + ChunkHeader.byteCountMax + Limit.chunkBytes
    )

    let nonce: UInt64
    let offset: UInt64
    let name: ChunkName
    let chunk: ChunkHeader

    init(nonce: UInt64, offset: UInt64, name: ChunkName, chunk: ChunkHeader) {
        self.nonce = nonce
        self.offset = offset
        self.name = name
        self.chunk = chunk
    }

    /// Reads the header at the front of `bytes`.
    ///
    /// - Throws: ``RecordError`` unless a record of this volume begins at this place.
    init(_ bytes: [UInt8], nonce: UInt64, offset: UInt64) throws(RecordError) {
        var reader = ByteReader(bytes)
        guard try reader.read(UInt32.self) == Self.magic else { throw .invalid("magic") }
        let version: UInt8 = try reader.read()
        guard version == Self.version else { throw .unsupportedVersion(version) }
        guard try reader.read(UInt64.self) == nonce else { throw .invalid("nonce") }
        guard try reader.read(UInt64.self) == offset else { throw .invalid("offset") }
        let name = try ChunkName(from: &reader)
        let chunk = try ChunkHeader(from: &reader)
        let checked = Array(bytes[..<(bytes.count - reader.left)])
        guard try reader.read(UInt32.self) == CRC32C.checksum(of: checked) else {
            throw .invalid("checksum of a record header")
        }
        self.init(nonce: nonce, offset: offset, name: name, chunk: chunk)
    }

    var encoded: [UInt8] {
        var writer = ByteWriter(reserving: Self.byteCount(self.chunk))
        writer.write(Self.magic)
        writer.write(Self.version)
        writer.write(self.nonce)
        writer.write(self.offset)
        self.name.encode(into: &writer)
        self.chunk.encode(into: &writer)
        writer.write(CRC32C.checksum(of: writer.bytes))
        return writer.bytes
    }

    /// Bytes before the blocks.
    static func byteCount(_ chunk: ChunkHeader) -> Int {
        Self.fixedBytes + 5 + chunk.table.count * BlockEntry.byteCount
    }

    /// Bytes from the record's start to the next record's.
    static func recordBytes(_ chunk: ChunkHeader) -> Int {
        Self.aligned(Self.byteCount(chunk) + chunk.storedBytes)
    }

    private static func aligned(_ bytes: Int) -> Int {
        (bytes + Self.alignment - 1) / Self.alignment * Self.alignment
    }
}
