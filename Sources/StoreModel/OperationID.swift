/// One operation of a client, as the registers remember it: 64 random bits.
package struct OperationID: Hashable, Sendable, BinaryRecord, CustomStringConvertible {
    package let number: UInt64

    package init(_ number: UInt64) { self.number = number }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.number = try reader.read()
    }

    package func encode(into writer: inout ByteWriter) { writer.write(self.number) }

    package var description: String { Hexadecimal.text(self.number) }
}
