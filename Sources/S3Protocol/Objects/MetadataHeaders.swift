package import StoreModel

/// Object metadata in headers, both ways.
package enum MetadataHeaders {
    static let prefix = "x-amz-meta-"

    /// What a request says of the object it makes.
    ///
    /// Nothing that could break a header when it is given back is let in.
    package static func read(_ headers: [HeaderField]) throws(S3Error) -> ObjectMetadata {
        var metadata = ObjectMetadata()
        func value(_ name: String) throws(S3Error) -> String? {
            guard let value = headers.first(name) else { return nil }
            return try Self.checked(name, value, max: ObjectMetadata.headerBytes)
        }
        metadata.contentType = try value("content-type")
        metadata.cacheControl = try value("cache-control")
        metadata.contentDisposition = try value("content-disposition")
        metadata.contentLanguage = try value("content-language")
        metadata.expires = try value("expires")
        metadata.contentEncoding = try value("content-encoding").flatMap(Self.withoutChunking)
        metadata.websiteRedirect = try Self.websiteRedirect(headers)
        metadata.user = try Self.user(headers)
        guard metadata.userBytes <= Limit.userMetadataBytes else {
            throw S3Error(
                .metadataTooLarge,
                nil,
                [
                    .init("Size", String(metadata.userBytes)),
                    .init("MaxSizeAllowed", String(Limit.userMetadataBytes)),
                ]
            )
        }
        return metadata
    }

    /// What is given back with the object.
    package static func write(_ metadata: ObjectMetadata) -> [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = [
            ("Content-Type", metadata.contentType ?? "binary/octet-stream")
        ]
        for (name, value) in [
            ("Cache-Control", metadata.cacheControl),
            ("Content-Disposition", metadata.contentDisposition),
            ("Content-Encoding", metadata.contentEncoding),
            ("Content-Language", metadata.contentLanguage),
            ("Expires", metadata.expires),
            ("x-amz-website-redirect-location", metadata.websiteRedirect),
        ] {
            if let value { headers.append((name, value)) }
        }
        return headers + metadata.user.map { (Self.prefix + $0.name, $0.value) }
    }

    private static func user(
        _ headers: [HeaderField]
    ) throws(S3Error) -> [ObjectMetadata.NamedValue] {
        var values: [String: String] = [:]
        for header in headers where header.name.hasPrefix(Self.prefix) {
            let value = try Self.checked(header.name, header.value, max: Int.max)
            let name = String(header.name.dropFirst(Self.prefix.utf8.count))
            guard !name.isEmpty else {
                throw .invalidArgument("User metadata needs a name.", header.name, value)
            }
            values[name] = values[name].map { "\($0),\(value)" } ?? value
        }
        return values.sorted { $0.key < $1.key }
            .map { ObjectMetadata.NamedValue(name: $0.key, value: $0.value) }
    }

    /// A value without control characters.
    package static func checked(
        _ name: String,
        _ value: String,
        max: Int
    ) throws(S3Error) -> String {
        guard value.utf8.count <= max,
            value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 9 })
        else {
            throw .invalidArgument("The value of this header cannot be stored.", name, "")
        }
        return value
    }

    /// `aws-chunked` describes the transfer, not the object.
    private static func withoutChunking(_ value: String) -> String? {
        let codings = value.split(separator: ",").map { $0.trimmed { $0 == " " || $0 == "\t" } }
            .filter { !$0.isEmpty && $0 != "aws-chunked" }
        return codings.isEmpty ? nil : codings.joined(separator: ", ")
    }

    /// Where a website sends the readers of the object.
    package static func websiteRedirect(_ headers: [HeaderField]) throws(S3Error) -> String? {
        let name = "x-amz-website-redirect-location"
        guard let value = headers.first(name) else { return nil }
        guard ["/", "http://", "https://"].contains(where: { value.hasPrefix($0) }) else {
            throw S3Error(.invalidRedirectLocation)
        }
        return try Self.checked(name, value, max: ObjectMetadata.headerBytes)
    }
}
