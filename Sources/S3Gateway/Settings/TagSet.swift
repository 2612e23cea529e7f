import S3Protocol
import StoreModel

/// Tags as clients write and read them.
///
/// Source: S3 API Reference, "PutObjectTagging", "PutBucketTagging"; S3 User Guide, "Categorizing
/// your storage using tags".
enum TagSet {
    /// Tags of one bucket.
    static let bucketTagsMax = 50
    private static let symbols = Set("+-=._:/@".unicodeScalars)

    /// What `x-amz-tagging` says: `kind=cat&colour=black`, encoded as a query is; none if absent.
    static func read(_ headers: [HeaderField]) throws(S3Error) -> [Tag] {
        guard let text = headers.first("x-amz-tagging"), !text.isEmpty else { return [] }
        let isQuery = text.split(separator: "&").allSatisfy { pair in
            pair.utf8.count { $0 == UInt8(ascii: "=") } <= 1
        }
        let items = isQuery ? (try? RequestTarget(parsing: "/?\(text)"))?.query : nil
        guard let items, Set(items.map(\.name)).count == items.count else {
            throw .invalidArgument(
                "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "
                    + "parameters without tag name duplicates.",
                "x-amz-tagging",
                text
            )
        }
        guard items.count <= Limit.objectTags else {
            throw S3Error(.badRequest, "Object tags cannot be greater than \(Limit.objectTags)")
        }
        let tags = items.map { Tag(key: $0.name, value: $0.value) }.sorted { $0.key < $1.key }
        try Self.check(tags, max: Limit.objectTags)
        return tags
    }

    /// What a `Tagging` document says; at most `max` tags.
    static func read(document: [UInt8], max: Int) throws(S3Error) -> [Tag] {
        let root = try XMLNode(parsing: document)
        guard root.name == "Tagging", root.children.count == 1,
            let set = root.children.first, set.name == "TagSet"
        else { throw S3Error(.malformedXML) }
        var tags: [Tag] = []
        for node in set.children {
            guard node.name == "Tag", let key = node["Key"], let value = node["Value"] else {
                throw S3Error(.malformedXML)
            }
            tags.append(Tag(key: key, value: value))
        }
        try Self.check(tags, max: max)
        return tags
    }

    private static func check(_ tags: [Tag], max: Int) throws(S3Error) {
        guard tags.count <= max else {
            throw S3Error(.invalidTag, "Object tags cannot be greater than \(max)")
        }
        for tag in tags {
            guard (1...Tag.keyCharacters).contains(tag.key.count), Self.isPlain(tag.key),
                !tag.key.lowercased().hasPrefix("aws:")
            else { throw S3Error(.invalidTag, nil, [.init("TagKey", tag.key)]) }
            guard tag.value.count <= Tag.valueCharacters, Self.isPlain(tag.value) else {
                throw S3Error(
                    .invalidTag,
                    "The TagValue you have provided is invalid",
                    [.init("TagKey", tag.key), .init("TagValue", tag.value)]
                )
            }
        }
        guard Set(tags.map(\.key)).count == tags.count else {
            throw S3Error(.invalidTag, "Cannot provide multiple Tags with the same key")
        }
    }

    private static func isPlain(_ text: String) -> Bool {
        // Characters of several code points fit into four bytes each only if they are few.
        text.utf8.count <= 4 * text.count
            && text.unicodeScalars.allSatisfy { scalar in
                Self.symbols.contains(scalar) || scalar.properties.isAlphabetic
                    || scalar.properties.numericType != nil || scalar.properties.isWhitespace
                    || scalar.properties.generalCategory == .nonspacingMark
                    || scalar.properties.generalCategory == .spacingMark
            }
    }

    static func document(_ tags: [Tag]) -> [UInt8] {
        XMLWriter.document("Tagging") { writer in
            writer.element("TagSet") { writer in
                for tag in tags {
                    writer.element("Tag") { writer in
                        writer.element("Key", tag.key)
                        writer.element("Value", tag.value)
                    }
                }
            }
        }
    }
}
