package import StoreModel

/// Stands for a set of rows: the exclusive or of a 128-bit hash of each, its key and its accepted
/// ballot.
///
/// A row is added and taken away alike, in any order, so that a digest is kept up to date with each
/// change. Equal sets have equal digests; different ones differ but for one case in 2¹²⁸. Not
/// secret and not a proof: it only decides what is looked at.
/// Source: docs/protocol/registers.md, "Anti-entropy".
package struct RowDigest: Hashable, Sendable, BinaryRecord {
    package static let none = RowDigest(high: 0, low: 0)
    package static let byteCount = 16
    /// Parts of a partition that have a digest each.
    package static let ranges = 1_024

    package let high: UInt64
    package let low: UInt64

    private init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The digest of one row; ``none`` if nothing was accepted.
    package init(of row: [UInt8], accepted: Ballot) {
        guard accepted != .zero else {
            self = .none
            return
        }
        func half(_ number: UInt8) -> UInt64 {
            var hash = StableHash()
            hash.combine(CollectionOfOne(number))
            hash.combine(row)
            hash.combine(accepted.encoded)
            return hash.value
        }
        self.init(high: half(1), low: half(2))
    }

    /// The range of its partition that a row belongs to.
    package static func range(of row: [UInt8]) -> Int {
        var hash = StableHash()
        hash.combine(row)
        // The highest bits make the partition of an object.
        return Int(hash.value % UInt64(Self.ranges))
    }

    /// Adds what is not in the set, and takes away what is.
    package mutating func toggle(_ other: RowDigest) {
        self = RowDigest(high: self.high ^ other.high, low: self.low ^ other.low)
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.high = try reader.read()
        self.low = try reader.read()
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.high)
        writer.write(self.low)
    }
}
