/// The name of a bucket, checked against S3's rules.
package struct BucketName: Hashable, Comparable, Sendable, BinaryRecord, CustomStringConvertible {
    package let text: String

    /// Checks the rules.
    ///
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
