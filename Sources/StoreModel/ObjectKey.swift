/// A key of an object: 1 to ``Limit/keyBytes`` bytes of UTF-8, ordered by bytes as S3 lists them.
///
/// Not a `String`: those compare by canonical equivalence, and two keys that differ only in that
/// are two objects.
package struct ObjectKey: Hashable, Comparable, Sendable, BinaryRecord, CustomStringConvertible {
    package let bytes: [UInt8]

    /// - Returns: `nil` if the key is empty or too long.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard (1...Limit.keyBytes).contains(bytes.count) else { return nil }
        self.bytes = bytes
    }

    /// - Returns: `nil` if the key is empty, too long or no UTF-8.
    package init?(_ bytes: [UInt8]) {
        guard (1...Limit.keyBytes).contains(bytes.count), UTF8.isText(bytes) else { return nil }
        self.bytes = bytes
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.bytes = Array(try reader.readString(limit: Limit.keyBytes).utf8)
        guard !self.bytes.isEmpty else { throw .invalid("empty key") }
    }

    package func encode(into writer: inout ByteWriter) { writer.writeBytes(self.bytes) }

    package static func < (left: Self, right: Self) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }

    package var description: String { String(decoding: self.bytes, as: UTF8.self) }
}
