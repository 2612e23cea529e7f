import StoreModel
import Wire

/// The rows of the family `node`, all sealed: what the node knows of itself.
///
///     identity 0x01              | node id (16 bytes) | incarnation u32
///     layout   0x02              | layout record
///     fence    0x03 | bucket u64 | generation u64
///     floor    0x04 | partition u16, manifests u8 | ballot
///     ceiling  0x05              | round u64
///     start    0x06 | node id    | incarnation u32 | number u64
///     index    0x07              | nothing: the index of rows is complete
///     retired  0x08              | nothing: the directory must not be used any more
///     joining  0x09 | partition  | nothing: the floors of the partition are not known yet
///     own      0x0A | incarnation u32 | number u64: a start of this node
///
/// Keys from 0x80 on belong to the chunk store. Layout: docs/format/metadata.md, "Node rows".
enum NodeRow {
    static let identity: [UInt8] = [0x01]
    static let layout: [UInt8] = [0x02]
    /// The fences are the rows from here to ``fencesEnd``.
    static let fences: [UInt8] = [0x03]
    static let fencesEnd: [UInt8] = [0x04]
    /// The floors are the rows from here to ``floorsEnd``.
    static let floors: [UInt8] = [0x04]
    static let floorsEnd: [UInt8] = [0x05]
    static let ceiling: [UInt8] = [0x05]
    /// What other nodes' starts were seen: the rows from here to ``startsEnd``.
    static let starts: [UInt8] = [0x06]
    static let startsEnd: [UInt8] = [0x07]
    static let index: [UInt8] = [0x07]
    static let retired: [UInt8] = [0x08]
    /// Partitions joined without their floors: the rows from here to ``joiningEnd``.
    static let joining: [UInt8] = [0x09]
    static let joiningEnd: [UInt8] = [0x0A]
    /// The newest starts of the node itself: the rows from here to ``ownStartsEnd``.
    static let ownStarts: [UInt8] = [0x0A]
    static let ownStartsEnd: [UInt8] = [0x0B]
    /// Keys of ours, and of register rows, are below this.
    static let ownEnd: [UInt8] = [0x80]

    static func fence(_ bucket: BucketID) -> [UInt8] { Self.fences + bucket.encoded }

    static func floor(_ domain: FloorDomain) -> [UInt8] { Self.floors + domain.encoded }

    static func start(_ node: NodeID) -> [UInt8] { Self.starts + node.encoded }

    static func ownStart(_ incarnation: UInt32) -> [UInt8] {
        Self.ownStarts + Incarnation(value: incarnation).encoded
    }

    static func joining(_ partition: PartitionID) -> [UInt8] { Self.joining + partition.encoded }

    /// What follows the tag of a key.
    static func subject<Subject: BinaryRecord>(
        of key: [UInt8],
        _ subject: Subject.Type
    ) throws(RecordError) -> Subject {
        var reader = ByteReader(key[1...])
        let subject = try Subject(from: &reader)
        try reader.finish()
        return subject
    }

    /// The bucket of a fence's key.
    static func bucket(ofFence key: [UInt8]) throws(RecordError) -> BucketID {
        try Self.subject(of: key, BucketID.self)
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
