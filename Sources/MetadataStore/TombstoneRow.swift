import Register
import StoreModel

/// The marks in the family `partitions` for registers whose value is a tombstone.
///
///     0x02 | round of the accepted ballot u64 | the register's row key  ->  nothing
///
/// In order of rounds, which are times for all but manifests: the oldest come first. A mark is
/// written and erased in the batch that changes the row. Layout: docs/format/metadata.md, "Marks".
enum TombstoneRow {
    static let start: [UInt8] = [0x02]
    private static let keyStart = 1 + 8

    static func key(of row: [UInt8], round: UInt64) -> [UInt8] {
        var writer = ByteWriter(reserving: Self.keyStart + row.count)
        writer.writeRaw(Self.start)
        writer.write(round)
        writer.writeRaw(row)
        return writer.bytes
    }

    /// The first key of a mark of that round.
    static func start(of round: UInt64) -> [UInt8] { Self.key(of: [], round: round) }

    static func row(of key: [UInt8]) -> [UInt8] { Array(key.dropFirst(Self.keyStart)) }
}

extension AcceptorRow {
    var isTombstone: Bool { self.value?.isTombstone ?? false }
}
