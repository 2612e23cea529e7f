package import StoreModel

/// The body of CompleteMultipartUpload: the parts that make the object.
///
/// Source: S3 API Reference, "CompleteMultipartUpload".
package struct CompletedParts: Hashable, Sendable {
    /// Largest body, in bytes (4 MiB): 10,000 parts of 400 bytes each, with one checksum and
    /// generous spaces.
    package static let bodyBytes = 4 << 20

    package struct Part: Hashable, Sendable {
        package let number: PartNumber
        /// Without quotes.
        package let etag: String
        /// What the client believes the part's checksum to be; at most one of each algorithm.
        package let checksums: [Checksum]

        package init(number: PartNumber, etag: String, checksums: [Checksum] = []) {
            self.number = number
            self.etag = etag
            self.checksums = checksums
        }
    }

    /// At least one, in the order of the client.
    package let parts: [Part]

    package init(parsing body: [UInt8]) throws(S3Error) {
        let root = try XMLNode(parsing: body)
        guard root.name == "CompleteMultipartUpload" else { throw S3Error(.malformedXML) }
        let nodes = root.children.filter { $0.name == "Part" }
        guard nodes.count <= Limit.parts else { throw S3Error(.malformedXML) }
        guard !nodes.isEmpty else {
            throw S3Error(.invalidRequest, "You must specify at least one part")
        }
        var parts: [Part] = []
        parts.reserveCapacity(nodes.count)
        for node in nodes { parts.append(try Self.part(node)) }
        self.parts = parts
    }

    private static func part(_ node: XMLNode) throws(S3Error) -> Part {
        guard let number = node["PartNumber"], let etag = node["ETag"] else {
            throw S3Error(.malformedXML)
        }
        var checksums: [Checksum] = []
        for child in node.children where child.name.hasPrefix("Checksum") {
            let suffix = child.name.dropFirst("Checksum".utf8.count).lowercased()
            checksums.append(try BodyChecks.checksum(suffix, child.text))
        }
        return Part(
            number: try UploadParameters.partNumber(number.trimmed(where: \.isWhitespace)),
            etag: Self.unquoted(etag.trimmed(where: \.isWhitespace)),
            checksums: checksums
        )
    }

    private static func unquoted(_ etag: String) -> String {
        guard etag.utf8.count >= 2, etag.hasPrefix("\""), etag.hasSuffix("\"") else { return etag }
        return String(etag.dropFirst().dropLast())
    }
}
