/// Whether a bucket keeps what is overwritten and deleted.
package enum Versioning: UInt8, Hashable, Sendable {
    /// Never was on.
    case never = 0
    case enabled = 1
    /// Was on: what was kept then is still there, and new versions have the id `null`.
    case suspended = 2
}

/// A setting of a bucket that is kept as the client wrote it, checked.
///
///     kind u8 | bytes
package struct BucketDocument: Hashable, Sendable, BinaryRecord {
    package enum Kind: UInt8, CaseIterable, Hashable, Sendable {
        case policy = 1
        case cors = 2
        case lifecycle = 3
        case tagging = 4
        case publicAccessBlock = 5
        case ownershipControls = 6
    }

    package let kind: Kind
    /// At most ``Limit/bucketDocumentBytes``.
    package let bytes: [UInt8]

    package init(_ kind: Kind, _ bytes: [UInt8]) {
        self.kind = kind
        self.bytes = bytes
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let tag: UInt8 = try reader.read()
        guard let kind = Kind(rawValue: tag) else { throw .unknownTag(tag) }
        self.kind = kind
        self.bytes = try reader.readBytes(limit: Limit.bucketDocumentBytes)
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.kind.rawValue)
        writer.writeBytes(self.bytes)
    }
}

/// What a bucket is set to.
///
///     versioning u8 (0 never on, 1 enabled, 2 suspended) | access list
///     | documents: u32 count, each, in the order of their kinds
package struct BucketSettings: Hashable, Sendable, BinaryRecord {
    package var versioning: Versioning
    package var access: AccessList
    /// In the order of their kinds, each at most once.
    private var documents: [BucketDocument]

    package init(
        versioning: Versioning = .never,
        access: AccessList = AccessList(),
        documents: [BucketDocument] = []
    ) {
        self.versioning = versioning
        self.access = access
        self.documents = []
        for document in documents { self[document.kind] = document.bytes }
    }

    /// The document of a kind; nil if there is none.
    package subscript(kind: BucketDocument.Kind) -> [UInt8]? {
        get { self.documents.first { $0.kind == kind }?.bytes }
        set {
            self.documents.removeAll { $0.kind == kind }
            guard let newValue else { return }
            self.documents.append(BucketDocument(kind, newValue))
            self.documents.sort { $0.kind.rawValue < $1.kind.rawValue }
        }
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let tag: UInt8 = try reader.read()
        guard let versioning = Versioning(rawValue: tag) else { throw .unknownTag(tag) }
        self.versioning = versioning
        self.access = try AccessList(from: &reader)
        self.documents = try reader.readList(limit: BucketDocument.Kind.allCases.count) {
            reader throws(RecordError) in try BucketDocument(from: &reader)
        }
        let kinds = self.documents.map(\.kind.rawValue)
        guard zip(kinds, kinds.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw .invalid("order of documents")
        }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.versioning.rawValue)
        self.access.encode(into: &writer)
        writer.writeList(self.documents) { $1.encode(into: &$0) }
    }
}

/// One setting, as a client changes it.
package enum BucketSetting: Hashable, Sendable {
    case versioning(Versioning)
    case access(AccessList)
    /// nil removes the document.
    case document(BucketDocument.Kind, [UInt8]?)
    /// The same if the document is still what it was, and nothing otherwise.
    case replacement(BucketDocument.Kind, of: [UInt8]?, by: [UInt8]?)
}

extension BucketSetting {
    /// Whether writes of the bucket's objects go by it, so that none may go by the former value
    /// once it is changed: its change is a new generation, and fenced.
    package var bindsWrites: Bool {
        switch self {
        case .versioning, .document(.lifecycle, _), .replacement(.lifecycle, _, _): true
        case .access, .document, .replacement: false
        }
    }
}

extension BucketSettings {
    package mutating func set(_ setting: BucketSetting) {
        switch setting {
        case .versioning(let versioning): self.versioning = versioning
        case .access(let access): self.access = access
        case .document(let kind, let bytes): self[kind] = bytes
        case .replacement(let kind, let former, let bytes):
            if self[kind] == former { self[kind] = bytes }
        }
    }
}
