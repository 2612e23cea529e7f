/// The body of DeleteObjects.
///
/// Source: S3 API Reference, "DeleteObjects".
package struct DeleteList: Hashable, Sendable {
    /// Largest body, in bytes (4 MiB): 1,000 keys of 1,024 bytes, most characters escaped.
    package static let bodyBytes = 4 << 20
    /// Most keys.
    package static let keysMax = 1_000

    package struct Entry: Hashable, Sendable {
        package let key: String
        package let version: String?
        /// Whether it asks for conditions (`ETag`, `Size`, `LastModifiedTime`).
        package let isConditional: Bool
    }

    package let entries: [Entry]
    /// Whether only failures are to be told.
    package let isQuiet: Bool

    package init(parsing body: [UInt8]) throws(S3Error) {
        let root = try XMLNode(parsing: body)
        guard root.name == "Delete" else { throw S3Error(.malformedXML) }
        var entries: [Entry] = []
        for node in root.children where node.name == "Object" {
            guard let key = node["Key"], !key.isEmpty else { throw S3Error(.malformedXML) }
            entries.append(
                Entry(
                    key: key,
                    version: node["VersionId"],
                    isConditional: node["ETag"] != nil || node["Size"] != nil
                        || node["LastModifiedTime"] != nil
                )
            )
        }
        guard (1...Self.keysMax).contains(entries.count) else { throw S3Error(.malformedXML) }
        self.entries = entries
        self.isQuiet = root["Quiet"] == "true"
    }
}
