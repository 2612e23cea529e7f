package import Register
package import StoreModel

/// Asks for rows as the node has them, promises included.
///
///     partition u16 | keys: u32 count, byte string each | values u8
///
/// Source: docs/protocol/layout.md, "Handing rows over".
package struct HeldRowsRequest: Hashable, Sendable, BinaryRecord {
    /// Rows of one request.
    package static let keysMax = 1_000
    /// Most bytes of one answer, and of the rows of one ``InstallRequest``, but for the last row.
    package static let pageBytes = 2 << 20

    package let partition: PartitionID
    /// Keys of rows (``RegisterKey/row``), all of the partition.
    package let keys: [[UInt8]]
    package let withValues: Bool

    package init(partition: PartitionID, keys: [[UInt8]], withValues: Bool) {
        precondition(keys.count <= Self.keysMax)
        self.partition = partition
        self.keys = keys
        self.withValues = withValues
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.partition = try PartitionID(from: &reader)
        self.keys = try reader.readList(limit: Self.keysMax) { reader throws(RecordError) in
            try reader.readBytes(limit: RegisterKey.longestRow)
        }
        self.withValues = try reader.readBool()
    }

    package func encode(into writer: inout ByteWriter) {
        self.partition.encode(into: &writer)
        writer.writeList(self.keys) { $0.writeBytes($1) }
        writer.write(self.withValues)
    }
}

/// One row that is handed over: the accept that its former replicas have taken, once more.
///
///     row key as byte string | ballot | generation u64 | value
package struct InstalledRow: Hashable, Sendable, BinaryRecord {
    package let key: [UInt8]
    package let ballot: Ballot
    /// As in an accept: what is chosen passes any fence.
    package let generation: UInt64
    package let value: RegisterValue

    package init(key: [UInt8], ballot: Ballot, generation: UInt64, value: RegisterValue) {
        self.key = key
        self.ballot = ballot
        self.generation = generation
        self.value = value
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.key = try reader.readBytes(limit: RegisterKey.longestRow)
        self.ballot = try Ballot(from: &reader)
        self.generation = try reader.read()
        let value = try reader.readBytes(limit: 2 * Limit.registerValueBytes)
        self.value = try RegisterValue(decoding: value)
    }

    package func encode(into writer: inout ByteWriter) {
        writer.writeBytes(self.key)
        self.ballot.encode(into: &writer)
        writer.write(self.generation)
        writer.writeBytes(self.value.encoded)
    }
}

/// Hands rows of one partition over to a node.
///
///     partition u16 | rows: u32 count, each
package struct InstallRequest: Hashable, Sendable, BinaryRecord {
    package let partition: PartitionID
    package let rows: [InstalledRow]

    package init(partition: PartitionID, rows: [InstalledRow]) {
        precondition(rows.count <= HeldRowsRequest.keysMax)
        self.partition = partition
        self.rows = rows
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.partition = try PartitionID(from: &reader)
        self.rows = try reader.readList(limit: HeldRowsRequest.keysMax) {
            reader throws(RecordError) in try InstalledRow(from: &reader)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        self.partition.encode(into: &writer)
        writer.writeList(self.rows) { $1.encode(into: &$0) }
    }
}

/// An answer to a request for fences, in order of buckets.
///
///     fences: u32 count, each | truncated u8
package struct FencePage: Hashable, Sendable, BinaryRecord {
    /// Fences of one page.
    package static let fencesMax = 10_000

    package let fences: [BucketFence]
    /// True if there may be more.
    package let isTruncated: Bool

    package init(fences: [BucketFence], isTruncated: Bool) {
        precondition(!isTruncated || !fences.isEmpty, "Who goes on must know from where.")
        self.fences = fences
        self.isTruncated = isTruncated
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.fences = try reader.readList(limit: Self.fencesMax) { reader throws(RecordError) in
            try BucketFence(from: &reader)
        }
        self.isTruncated = try reader.readBool()
        guard !self.isTruncated || !self.fences.isEmpty else { throw .invalid("empty page") }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.writeList(self.fences) { $1.encode(into: &$0) }
        writer.write(self.isTruncated)
    }
}
