/// One multipart upload: 128 random bits, drawn by the operation that begins it and never reused.
///
/// So an upload that is closed stays closed: nobody can open another under its name.
package struct UploadID: Hashable, Comparable, Sendable, BinaryRecord, CustomStringConvertible {
    package static let byteCount = 16

    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads what ``description`` writes, as clients give it back.
    ///
    /// - Returns: nil if the text is no id of ours.
    package init?(_ text: String) {
        guard text.utf8.count == 2 * Self.byteCount, let bytes = Hexadecimal.bytes(text),
            let id = try? UploadID(decoding: bytes), id.description == text
        else { return nil }
        self = id
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.high = try reader.read()
        self.low = try reader.read()
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.high)
        writer.write(self.low)
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }

    /// 32 hexadecimal digits in lower case: the id as clients see it.
    package var description: String { Hexadecimal.text(self.high) + Hexadecimal.text(self.low) }
}

/// The number of a part within its upload: 1 to ``Limit/parts``.
///
/// Parts are put together in the order of their numbers; there may be gaps.
package struct PartNumber: Hashable, Comparable, Sendable, BinaryRecord, CustomStringConvertible {
    package static let byteCount = 2

    package let value: UInt16

    /// - Returns: nil if the number is out of range.
    package init?(_ number: Int) {
        guard (1...Limit.parts).contains(number) else { return nil }
        self.value = UInt16(number)
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.value = try reader.read()
        guard (1...UInt16(Limit.parts)).contains(self.value) else { throw .invalid("part number") }
    }

    package func encode(into writer: inout ByteWriter) { writer.write(self.value) }

    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }

    package var description: String { "\(self.value)" }
}
