/// One start of a node on its directory.
///
///     incarnation u32 | number u64
///
/// Two starts can have the same incarnation only if the directory was put back to an earlier state
/// in between; the number, drawn at each start, tells them apart.
package struct NodeStart: Hashable, Sendable, BinaryRecord {
    package let incarnation: UInt32
    package let number: UInt64

    package init(incarnation: UInt32, number: UInt64) {
        self.incarnation = incarnation
        self.number = number
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.incarnation = try reader.read()
        self.number = try reader.read()
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.incarnation)
        writer.write(self.number)
    }
}
