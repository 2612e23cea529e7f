/// The name of a manifest: the partition of its register, and its birth ballot.
///
/// The birth ballot is the ballot of the one accept that may create it, so an id is never used
/// twice and says which node to ask about it.
/// Source: docs/protocol/content.md, "Creation".
package struct ManifestID: Hashable, Comparable, Sendable, BinaryRecord, CustomStringConvertible {
    package static let byteCount = 2 + Ballot.byteCount

    package let partition: PartitionID
    package let birth: Ballot

    package init(partition: PartitionID, birth: Ballot) {
        self.partition = partition
        self.birth = birth
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.partition = try PartitionID(from: &reader)
        self.birth = try Ballot(from: &reader)
    }

    package func encode(into writer: inout ByteWriter) {
        self.partition.encode(into: &writer)
        self.birth.encode(into: &writer)
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.partition, left.birth) < (right.partition, right.birth)
    }

    package var description: String { "\(self.partition)/\(self.birth)" }
}
