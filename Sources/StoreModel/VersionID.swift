/// One version of an object: 128 random bits, drawn by the operation that makes it and never
/// reused.
package struct VersionID: Hashable, Sendable, BinaryRecord, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.high = try reader.read()
        self.low = try reader.read()
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.high)
        writer.write(self.low)
    }

    package var description: String { Hexadecimal.text(self.high) + Hexadecimal.text(self.low) }
}
