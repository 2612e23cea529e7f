/// A tag of an object or a bucket.
///
///     key text | value text
///
/// Source: S3, "Categorizing your storage using tags": keys of 1 to 128 characters, values of up to
/// 256, each key once; here at most four bytes a character.
package struct Tag: Hashable, Sendable, BinaryRecord {
    /// Longest key, in characters.
    package static let keyCharacters = 128
    /// Longest value, in characters.
    package static let valueCharacters = 256

    package let key: String
    package let value: String

    package init(key: String, value: String) {
        self.key = key
        self.value = value
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.key = try reader.readString(limit: 4 * Self.keyCharacters)
        self.value = try reader.readString(limit: 4 * Self.valueCharacters)
    }

    package func encode(into writer: inout ByteWriter) {
        writer.writeString(self.key)
        writer.writeString(self.value)
    }
}
