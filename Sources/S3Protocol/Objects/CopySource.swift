package import StoreModel

/// What `x-amz-copy-source` names.
///
/// One function for every copy, so that exactly what is authorised is read. Never normalised: `//`,
/// a leading slash of a key and a trailing one are parts of the key.
package struct CopySource: Hashable, Sendable {
    package let bucket: BucketName
    package let key: ObjectKey
    /// nil for the current version.
    package let version: String?

    static let header = "x-amz-copy-source"

    /// The current version of an object.
    package init(_ bucket: BucketName, _ key: ObjectKey) {
        self.bucket = bucket
        self.key = key
        self.version = nil
    }

    /// Reads `bucket/key`, `/bucket/key` or `bucket%2Fkey`, with `?versionId=` or without.
    ///
    /// The version is cut off before anything is decoded: clients send a key that ends with such a
    /// text with its `?` encoded. Decoded once, with `+` as a space.
    package init(parsing text: String) throws(S3Error) {
        guard !text.isEmpty else {
            throw Self.invalid(
                "Copy Source must mention the source bucket and key: sourcebucket/sourcekey."
            )
        }
        guard !text.hasPrefix("arn:") else { throw Self.invalid("Invalid copy source bucket name") }
        var rest = Array(text.utf8)[...]
        rest = rest.dropFirst(Self.separatorLength(rest))
        self.version = try Self.cutVersion(from: &rest)
        guard let separator = rest.indices.first(where: { Self.separatorLength(rest[$0...]) > 0 })
        else {
            let isWellFormed = PercentEncoding.decode(rest) != nil
            throw Self.invalid("Invalid copy source \(isWellFormed ? "object key" : "encoding")")
        }
        guard
            let bucketBytes = PercentEncoding.decode(rest[..<separator], plusIsSpace: true),
            let keyBytes = PercentEncoding.decode(
                rest[separator...].dropFirst(Self.separatorLength(rest[separator...])),
                plusIsSpace: true
            ),
            let keyText = String(validating: keyBytes, as: UTF8.self)
        else { throw Self.invalid("Invalid copy source encoding") }
        guard let bucket = BucketName(String(decoding: bucketBytes, as: UTF8.self)) else {
            throw Self.invalid("Invalid copy source bucket name")
        }
        guard let key = ObjectKey(keyText) else {
            throw Self.invalid("Invalid copy source object key")
        }
        self.bucket = bucket
        self.key = key
    }

    /// Bytes of the slash that `text` begins with, encoded or not; 0 if it begins with something
    /// else.
    private static func separatorLength(_ text: ArraySlice<UInt8>) -> Int {
        if text.first == 0x2F { return 1 }
        let start = Array(text.prefix(3))
        return start == Array("%2F".utf8) || start == Array("%2f".utf8) ? 3 : 0
    }

    /// Cuts at the last `?versionId=`.
    private static func cutVersion(
        from text: inout ArraySlice<UInt8>
    ) throws(S3Error) -> String? {
        let mark = Array("?versionId=".utf8)
        guard
            let start = text.indices.last(where: { text[$0...].starts(with: mark) })
        else { return nil }
        guard let bytes = PercentEncoding.decode(text[start...].dropFirst(mark.count)) else {
            throw Self.invalid("Invalid copy source encoding")
        }
        text = text[..<start]
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func invalid(_ message: String) -> S3Error {
        .invalidArgument(message, Self.header, Self.header)
    }
}
