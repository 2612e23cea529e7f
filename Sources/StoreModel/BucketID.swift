/// The identity of one bucket: random, so that a bucket that is created again never sees old rows.
package struct BucketID: Hashable, Comparable, Sendable, BinaryRecord, CustomStringConvertible {
    package let number: UInt64

    package init(_ number: UInt64) { self.number = number }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.number = try reader.read()
    }

    package func encode(into writer: inout ByteWriter) { writer.write(self.number) }

    package static func < (left: Self, right: Self) -> Bool { left.number < right.number }

    package var description: String { Hexadecimal.text(self.number) }
}
