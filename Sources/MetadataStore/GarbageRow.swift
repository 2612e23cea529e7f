/// The marks in the family `partitions` for registers whose value names dropped content.
///
///     0x01 | the register's row key  ->  nothing
///
/// A mark is written and erased in the batch that changes the row. Layout: docs/format/metadata.md,
/// "Marks".
enum GarbageRow {
    private static let tag: UInt8 = 0x01
    /// Marks are the rows below this.
    static let end: [UInt8] = [0x02]

    static func key(of row: [UInt8]) -> [UInt8] { [Self.tag] + row }

    static func row(of key: [UInt8]) -> [UInt8] { Array(key.dropFirst()) }

    /// The first key that a mark after that of `row` can have.
    static func start(after row: [UInt8]?) -> [UInt8] {
        guard let row else { return [Self.tag] }
        return Self.key(of: row) + [0]
    }
}
