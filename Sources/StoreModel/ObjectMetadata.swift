/// What a client said about an object's content, given back with it.
package struct ObjectMetadata: Hashable, Sendable, BinaryRecord {
    /// Longest value of one header that is kept, in bytes.
    package static let headerBytes = 4 << 10
    /// Headers that are kept, each in a field of its own.
    static let headers = 7

    package var contentType: String?
    package var cacheControl: String?
    package var contentDisposition: String?
    package var contentEncoding: String?
    package var contentLanguage: String?
    package var expires: String?
    package var websiteRedirect: String?
    /// Names in lower case without `x-amz-meta-`, sorted, each once.
    package var user: [NamedValue]

    package struct NamedValue: Hashable, Sendable {
        package let name: String
        package let value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    package init() { self.user = [] }

    package init(from reader: inout ByteReader) throws(RecordError) {
        func text(_ reader: inout ByteReader) throws(RecordError) -> String? {
            try reader.readOptional { reader throws(RecordError) in
                try reader.readString(limit: Self.headerBytes)
            }
        }
        self.contentType = try text(&reader)
        self.cacheControl = try text(&reader)
        self.contentDisposition = try text(&reader)
        self.contentEncoding = try text(&reader)
        self.contentLanguage = try text(&reader)
        self.expires = try text(&reader)
        self.websiteRedirect = try text(&reader)
        self.user = try reader.readList(limit: Limit.userMetadataBytes) {
            reader throws(RecordError) in
            NamedValue(
                name: try reader.readString(limit: Limit.userMetadataBytes),
                value: try reader.readString(limit: Limit.userMetadataBytes)
            )
        }
    }

    package func encode(into writer: inout ByteWriter) {
        for text in [
            self.contentType, self.cacheControl, self.contentDisposition, self.contentEncoding,
            self.contentLanguage, self.expires, self.websiteRedirect,
        ] {
            writer.writeOptional(text) { $0.writeString($1) }
        }
        writer.writeList(self.user) {
            $0.writeString($1.name)
            $0.writeString($1.value)
        }
    }

    /// Bytes of names and values, to be compared with ``Limit/userMetadataBytes``.
    package var userBytes: Int {
        self.user.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
    }
}
