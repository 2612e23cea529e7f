/// A version of a key as clients name it.
package enum VersionName: Hashable, Sendable, CustomStringConvertible {
    /// The one that was made while the bucket did not keep versions, if there is one.
    case null
    case id(VersionID)

    /// Reads `null` or 32 hexadecimal digits in lower case; nil for anything else.
    package init?(_ text: String) {
        if text == "null" {
            self = .null
            return
        }
        let digits = text.utf8
        guard digits.count == 32,
            digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
            let high = UInt64(text.prefix(16), radix: 16),
            let low = UInt64(text.dropFirst(16), radix: 16)
        else { return nil }
        self = .id(VersionID(high: high, low: low))
    }

    package var description: String {
        switch self {
        case .null: "null"
        case .id(let id): id.description
        }
    }
}

extension Version {
    package var name: VersionName { self.isNull ? .null : .id(self.id) }
}

extension ObjectRecord {
    /// The version of that name; it may be a delete marker.
    package subscript(name: VersionName) -> Version? {
        self.versions.first { $0.name == name }
    }
}

/// The versions of one key, as lists carry them: what they are, not where their content is.
///
///     u32 count, each
package struct VersionList: Hashable, Sendable, BinaryRecord {
    /// Newest first, delete markers among them, never empty.
    package let versions: [Version]

    /// - Returns: nil if there is none.
    package init?(_ record: ObjectRecord) {
        guard !record.versions.isEmpty else { return nil }
        self.versions = record.versions.map(\.asListed)
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.versions = try reader.readList(limit: Limit.versions) {
            reader throws(RecordError) in try Version(from: &reader)
        }
        guard !self.versions.isEmpty else { throw .invalid("empty list of versions") }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.writeList(self.versions) { $1.encode(into: &$0) }
    }
}

extension Version {
    /// Short enough for 1,000 of them to fit into an answer.
    fileprivate var asListed: Version {
        var version = self.withoutContent
        version.metadata = ObjectMetadata()
        version.parts = []
        return version
    }
}
