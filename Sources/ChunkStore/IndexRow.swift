import StoreModel
import Wire

/// Where a record begins.
struct RecordPlace: Hashable, Comparable, Sendable, BinaryRecord {
    let volume: UInt32
    let offset: UInt64

    init(volume: UInt32, offset: UInt64) {
        self.volume = volume
        self.offset = offset
    }

    init(from reader: inout ByteReader) throws(RecordError) {
        self.volume = try reader.read()
        self.offset = try reader.read()
    }

    func encode(into writer: inout ByteWriter) {
        writer.write(self.volume)
        writer.write(self.offset)
    }

    static func < (left: Self, right: Self) -> Bool {
        (left.volume, left.offset) < (right.volume, right.offset)
    }
}

/// The index's row of a chunk, in the family `chunks` under the chunk's name; sealed.
///
///     volume u32 | offset u64 | chunk header
///
/// The chunk header stands here too, so that reading some blocks takes one read of the volume.
/// Layout: docs/format/volumes.md, "Index".
struct IndexRow: Hashable, Sendable, BinaryRecord {
    let place: RecordPlace
    let chunk: ChunkHeader

    init(place: RecordPlace, chunk: ChunkHeader) {
        self.place = place
        self.chunk = chunk
    }

    init(from reader: inout ByteReader) throws(RecordError) {
        self.place = try RecordPlace(from: &reader)
        self.chunk = try ChunkHeader(from: &reader)
    }

    func encode(into writer: inout ByteWriter) {
        self.place.encode(into: &writer)
        self.chunk.encode(into: &writer)
    }

    var recordBytes: UInt64 { UInt64(RecordHeader.recordBytes(self.chunk)) }
}

/// What the engine knows of a volume, in the family `node` under 0x80 and the volume's number;
/// sealed.
///
///     nonce u64 | checkpoint u64
struct VolumeRow: Hashable, Sendable, BinaryRecord {
    let nonce: UInt64
    /// The index rows of all records before this offset are durable.
    let checkpoint: UInt64

    init(nonce: UInt64, checkpoint: UInt64) {
        self.nonce = nonce
        self.checkpoint = checkpoint
    }

    init(from reader: inout ByteReader) throws(RecordError) {
        self.nonce = try reader.read()
        self.checkpoint = try reader.read()
    }

    func encode(into writer: inout ByteWriter) {
        writer.write(self.nonce)
        writer.write(self.checkpoint)
    }
}

/// A record that was dropped but may still be on disk, in the family `node` under 0x81 and its
/// place; sealed.
///
///     bytes u64
///
/// Keeps a restart from finding the record again; erased once the hole is durable.
struct Tombstone: Hashable, Sendable, BinaryRecord {
    let bytes: UInt64

    init(bytes: UInt64) { self.bytes = bytes }

    init(from reader: inout ByteReader) throws(RecordError) { self.bytes = try reader.read() }

    func encode(into writer: inout ByteWriter) { writer.write(self.bytes) }
}

/// The keys of the store's rows.
enum ChunkKey {
    static let volumes: [UInt8] = [0x80]
    static let tombstones: [UInt8] = [0x81]
    static let tombstonesEnd: [UInt8] = [0x82]
    static let scrubMark: [UInt8] = [0x82]

    static func volume(_ number: UInt32) -> [UInt8] {
        var writer = ByteWriter(reserving: 5)
        writer.writeRaw(Self.volumes)
        writer.write(number)
        return writer.bytes
    }

    static func volumeNumber(of key: [UInt8]) throws(RecordError) -> UInt32 {
        var reader = ByteReader(key[1...])
        let number: UInt32 = try reader.read()
        try reader.finish()
        return number
    }

    static func tombstone(_ place: RecordPlace) -> [UInt8] { Self.tombstones + place.encoded }

    static func place(ofTombstone key: [UInt8]) throws(RecordError) -> RecordPlace {
        try RecordPlace(decoding: Array(key[1...]))
    }

    /// The first key after all that begin with `prefix`; nil if there is none.
    static func end(ofPrefix prefix: [UInt8]) -> [UInt8]? {
        var end = prefix
        while let last = end.popLast() {
            if last < .max { return end + [last + 1] }
        }
        return nil
    }
}
