/// A point in time: microseconds since 1970 in UTC, from a hybrid logical clock.
///
/// It labels and orders what people see; it never decides which write wins.
package struct HybridTime: Hashable, Comparable, Sendable, BinaryRecord {
    package let microseconds: UInt64

    package init(microseconds: UInt64) { self.microseconds = microseconds }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.microseconds = try reader.read()
    }

    package func encode(into writer: inout ByteWriter) { writer.write(self.microseconds) }

    package static func < (left: Self, right: Self) -> Bool {
        left.microseconds < right.microseconds
    }

    /// Whole seconds since 1970, as S3 shows times.
    package var seconds: UInt64 { self.microseconds / 1_000_000 }
}
