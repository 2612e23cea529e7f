/// A key of an object: 1 to ``Limit/keyBytes`` bytes of UTF-8, ordered by bytes as S3 lists them.
///
/// Not a `String`: those compare by canonical equivalence, and two keys that differ only in that are two
/// objects.
package struct ObjectKey: Hashable, Comparable, Sendable, BinaryRecord, CustomStringConvertible {
    package let bytes: [UInt8]

    /// - Returns: `nil` if the key is empty or too long.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard (1...Limit.keyBytes).contains(bytes.count) else { return nil }
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

/// The identity of one bucket: random, so that a bucket that is created again never sees old rows.
package struct BucketID: Hashable, Comparable, Sendable, BinaryRecord, CustomStringConvertible {
    package let number: UInt64

    package init(_ number: UInt64) { self.number = number }

    package init(from reader: inout ByteReader) throws(RecordError) { self.number = try reader.read() }

    package func encode(into writer: inout ByteWriter) { writer.write(self.number) }

    package static func < (left: Self, right: Self) -> Bool { left.number < right.number }

    package var description: String { Hexadecimal.text(self.number) }
}

/// The name of a bucket, checked against S3's rules.
package struct BucketName: Hashable, Comparable, Sendable, BinaryRecord, CustomStringConvertible {
    package let text: String

    /// 3 to 63 of `a-z 0-9 . -`, a letter or digit at both ends, no `..`, and not an IPv4 address.
    /// Source: S3, "General purpose bucket naming rules".
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
        }
        guard
            (3...Limit.bucketNameBytes).contains(bytes.count),
            let first = bytes.first, let last = bytes.last,
            isAlphanumeric(first), isAlphanumeric(last),
            bytes.allSatisfy({ isAlphanumeric($0) || $0 == 0x2E || $0 == 0x2D }),
            !zip(bytes, bytes.dropFirst()).contains(where: { $0 == 0x2E && $1 == 0x2E }),
            !Self.isAddress(text)
        else { return nil }
        self.text = text
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        guard let name = Self(try reader.readString(limit: Limit.bucketNameBytes)) else {
            throw .invalid("bucket name")
        }
        self = name
    }

    private static func isAddress(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    package func encode(into writer: inout ByteWriter) { writer.writeString(self.text) }

    package static func < (left: Self, right: Self) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    package var description: String { self.text }
}

/// One operation of a client, as the registers remember it: 64 random bits.
package struct OperationID: Hashable, Sendable, BinaryRecord, CustomStringConvertible {
    package let number: UInt64

    package init(_ number: UInt64) { self.number = number }

    package init(from reader: inout ByteReader) throws(RecordError) { self.number = try reader.read() }

    package func encode(into writer: inout ByteWriter) { writer.write(self.number) }

    package var description: String { Hexadecimal.text(self.number) }
}

/// One version of an object: 128 random bits, drawn by the operation that makes it and never reused.
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
