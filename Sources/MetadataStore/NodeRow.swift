import StoreModel
import Wire

/// The rows of the family `node`, all sealed: what the node knows of itself.
///
///     identity 0x01              | node id (16 bytes) | incarnation u32
///     layout   0x02              | layout record
///     fence    0x03 | bucket u64 | generation u64
///
/// Keys from 0x80 on belong to the chunk store. Layout: docs/format/metadata.md, "Node rows".
enum NodeRow {
    static let identity: [UInt8] = [0x01]
    static let layout: [UInt8] = [0x02]
    /// The fences are the rows from here to ``fencesEnd``.
    static let fences: [UInt8] = [0x03]
    static let fencesEnd: [UInt8] = [0x04]
    /// Keys of ours, and of register rows, are below this.
    static let ownEnd: [UInt8] = [0x80]

    static func fence(_ bucket: BucketID) -> [UInt8] { Self.fences + bucket.encoded }

    /// The bucket of a fence's key.
    static func bucket(ofFence key: [UInt8]) throws(RecordError) -> BucketID {
        var reader = ByteReader(key[1...])
        let bucket = try BucketID(from: &reader)
        try reader.finish()
        return bucket
    }
}

/// Who the node is.
struct Identity: Hashable, Sendable, BinaryRecord {
    let node: NodeID
    /// Starts of the node on this directory, this one included.
    var incarnation: UInt32

    init(node: NodeID, incarnation: UInt32) {
        self.node = node
        self.incarnation = incarnation
    }

    init(from reader: inout ByteReader) throws(RecordError) {
        self.node = try NodeID(from: &reader)
        self.incarnation = try reader.read()
    }

    func encode(into writer: inout ByteWriter) {
        self.node.encode(into: &writer)
        writer.write(self.incarnation)
    }
}

extension BinaryRecord {
    /// Reads a whole sealed row.
    init(sealed value: [UInt8], under key: [UInt8]) throws(RecordError) {
        var reader = try SealedRow.open(value, under: key)
        try self.init(from: &reader)
        try reader.finish()
    }

    func sealed(under key: [UInt8]) -> [UInt8] { SealedRow.seal(self.encoded, under: key) }
}
