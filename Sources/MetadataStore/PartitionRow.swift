import Register
import StoreModel

/// The index of rows in the family `partitions`: each row that has accepted something, by
/// partition.
///
///     0x03 | partition u16 | range u16 | the register's row key  ->  accepted ballot, sealed
///
/// Digests are computed from it without reading a value, and what differs is listed from it. It is
/// written in the batch that changes the row. Layout: docs/format/metadata.md, "Index".
enum PartitionRow {
    private static let tag: UInt8 = 0x03
    /// Bytes before the row's key.
    private static let keyStart = 1 + 2 + 2

    static func key(of row: [UInt8], in partition: PartitionID) -> [UInt8] {
        Self.prefix(partition, range: RowDigest.range(of: row)) + row
    }

    static func row(of key: [UInt8]) -> [UInt8] { Array(key.dropFirst(Self.keyStart)) }

    /// Where the rows of a partition, or of one of its ranges, begin.
    static func prefix(_ partition: PartitionID, range: Int? = nil) -> [UInt8] {
        var writer = ByteWriter(reserving: Self.keyStart)
        writer.write(Self.tag)
        partition.encode(into: &writer)
        if let range { writer.write(UInt16(range)) }
        return writer.bytes
    }

    /// The first key behind all that begin with `prefix`.
    static func end(of prefix: [UInt8]) -> [UInt8]? {
        var end = prefix
        while let last = end.popLast() {
            if last < .max { return end + [last + 1] }
        }
        return nil
    }
}
