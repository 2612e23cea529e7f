import Register
package import StoreModel

/// Asks for the rows of some ranges of a partition, with the ballots that the node has accepted.
///
///     partition u16 | ranges: u32 count, u16 each | after? | limit u32
///
/// Source: docs/protocol/registers.md, "Anti-entropy".
package struct BallotRequest: Hashable, Sendable, BinaryRecord {
    package let partition: PartitionID
    /// In order, each once, below ``RowDigest/ranges``; never empty.
    package let ranges: [UInt16]
    /// In the first range only rows behind this one.
    package let after: [UInt8]?
    /// 1 to ``BallotPage/rowsMax``.
    package let limit: Int

    package init(partition: PartitionID, ranges: [UInt16], after: [UInt8]?, limit: Int) {
        precondition(Self.areSound(ranges), "Ranges are sorted.")
        precondition((1...BallotPage.rowsMax).contains(limit))
        self.partition = partition
        self.ranges = ranges
        self.after = after
        self.limit = limit
    }

    private static func areSound(_ ranges: [UInt16]) -> Bool {
        guard let last = ranges.last, last < RowDigest.ranges else { return false }
        return zip(ranges, ranges.dropFirst()).allSatisfy { $0 < $1 }
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.partition = try PartitionID(from: &reader)
        self.ranges = try reader.readList(limit: RowDigest.ranges) {
            reader throws(RecordError) in try reader.read()
        }
        self.after = try reader.readOptional { reader throws(RecordError) in
            try reader.readBytes(limit: RegisterKey.longestRow)
        }
        self.limit = Int(try reader.read(UInt32.self))
        guard Self.areSound(self.ranges) else { throw .invalid("ranges") }
        guard (1...BallotPage.rowsMax).contains(self.limit) else { throw .invalid("limit") }
    }

    package func encode(into writer: inout ByteWriter) {
        self.partition.encode(into: &writer)
        writer.writeList(self.ranges) { $0.write($1) }
        writer.writeOptional(self.after) { $0.writeBytes($1) }
        writer.write(UInt32(self.limit))
    }
}

/// One row as a node has it: its register's row key and the accepted ballot.
package struct RowBallot: Hashable, Sendable, BinaryRecord {
    package let row: [UInt8]
    /// nil if the node cannot tell: its entry is damaged.
    package let accepted: Ballot?

    package init(row: [UInt8], accepted: Ballot?) {
        self.row = row
        self.accepted = accepted
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.row = try reader.readBytes(limit: RegisterKey.longestRow)
        self.accepted = try reader.readOptional { reader throws(RecordError) in
            try Ballot(from: &reader)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.writeBytes(self.row)
        writer.writeOptional(self.accepted) { $1.encode(into: &$0) }
    }

    /// The order of a page: by range, then by key.
    package static func precedes(_ left: RowBallot, _ right: RowBallot) -> Bool {
        let (one, two) = (RowDigest.range(of: left.row), RowDigest.range(of: right.row))
        return one == two ? left.row.lexicographicallyPrecedes(right.row) : one < two
    }
}

/// An answer to ``BallotRequest``: rows in order of range and key.
package struct BallotPage: Hashable, Sendable, BinaryRecord {
    /// Rows of one page: with the longest keys about a megabyte.
    package static let rowsMax = 1_000

    package let rows: [RowBallot]
    /// True if there may be more behind the last row.
    package let isTruncated: Bool

    package init(rows: [RowBallot], isTruncated: Bool) {
        precondition(!isTruncated || !rows.isEmpty, "Who goes on must know from where.")
        self.rows = rows
        self.isTruncated = isTruncated
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.rows = try reader.readList(limit: Self.rowsMax) { reader throws(RecordError) in
            try RowBallot(from: &reader)
        }
        self.isTruncated = try reader.readBool()
        guard !self.isTruncated || !self.rows.isEmpty else { throw .invalid("empty page") }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.writeList(self.rows) { $1.encode(into: &$0) }
        writer.write(self.isTruncated)
    }
}
