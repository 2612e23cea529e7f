import StoreModel

/// What a node keeps in memory of its own rows.
struct NodeState: Sendable {
    var layout: LayoutRecord?
    /// The least generation that accepts must carry, by bucket; 16 bytes for each bucket ever
    /// deleted.
    private(set) var fences: [BucketID: UInt64] = [:]

    /// A fence is only ever raised.
    mutating func raiseFence(of bucket: BucketID, to generation: UInt64) {
        self.fences[bucket] = max(self.fences[bucket] ?? 0, generation)
    }
}

/// The value of a fence's row.
struct Fence: Hashable, Sendable, BinaryRecord {
    let generation: UInt64

    init(generation: UInt64) { self.generation = generation }

    init(from reader: inout ByteReader) throws(RecordError) {
        self.generation = try reader.read()
    }

    func encode(into writer: inout ByteWriter) { writer.write(self.generation) }
}
