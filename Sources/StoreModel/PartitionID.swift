/// One of the ``Limit/partitions`` equal parts of the ring, or the system partition.
package struct PartitionID: Hashable, Comparable, Sendable, BinaryRecord, CustomStringConvertible {
    /// Holds the registers that describe the cluster itself: layout, buckets and access keys.
    package static let system = PartitionID(unchecked: 0xFFFF)

    /// Those of the ring in their order, then the system partition.
    package static let all: [PartitionID] =
        (0..<Limit.partitions).map { PartitionID(index: $0) } + [.system]

    package let number: UInt16

    private init(unchecked number: UInt16) { self.number = number }

    /// - Precondition: `index` is below ``Limit/partitions``.
    package init(index: Int) {
        precondition((0..<Limit.partitions).contains(index), "No such partition: \(index)")
        self.number = UInt16(index)
    }

    /// The partition that a place on the ring falls into: its highest bits.
    package init(hash: UInt64) {
        self.init(index: Int(hash >> (64 - UInt64(Limit.partitions.trailingZeroBitCount))))
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let number: UInt16 = try reader.read()
        guard number < Limit.partitions || number == Self.system.number else {
            throw .invalid("partition")
        }
        self.number = number
    }

    package func encode(into writer: inout ByteWriter) { writer.write(self.number) }

    /// The place in a table of the ring's partitions; `nil` for the system partition.
    package var index: Int? { self == .system ? nil : Int(self.number) }

    package static func < (left: Self, right: Self) -> Bool { left.number < right.number }

    package var description: String { self == .system ? "system" : "\(self.number)" }
}
