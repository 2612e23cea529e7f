/// How the checksum of an object is made of those of its parts.
///
///     algorithm u8 | composite u8
package struct ChecksumKind: Hashable, Sendable, BinaryRecord {
    package let algorithm: Checksum.Algorithm
    /// A checksum of the parts' checksums; otherwise one over the whole content.
    package let isComposite: Bool

    package init(_ algorithm: Checksum.Algorithm, isComposite: Bool) {
        self.algorithm = algorithm
        self.isComposite = isComposite
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.algorithm = try Checksum.Algorithm(from: &reader)
        self.isComposite = try reader.readBool()
    }

    package func encode(into writer: inout ByteWriter) {
        self.algorithm.encode(into: &writer)
        writer.write(self.isComposite)
    }
}

/// The open uploads of one key, as lists carry them: without the metadata of the objects to be.
///
///     u32 count, each
package struct UploadList: Hashable, Sendable, BinaryRecord {
    /// In the order of their ids, never empty.
    package let uploads: [Upload]

    /// - Returns: nil if none is open.
    package init?(_ record: ObjectRecord) {
        guard !record.uploads.isEmpty else { return nil }
        self.uploads = record.uploads.map(\.withoutMetadata)
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.uploads = try reader.readList(limit: Limit.uploads) {
            reader throws(RecordError) in try Upload(from: &reader)
        }
        guard !self.uploads.isEmpty else { throw .invalid("empty list of uploads") }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.writeList(self.uploads) { $1.encode(into: &$0) }
    }
}

/// A multipart upload that is open: an entry of its object's record.
///
///     upload id | manifest id | ceiling ballot | storage class u8 | initiated u64
///     | checksum kind? | metadata | tags: u32 count, each | access list
///
/// The manifest is open, too: it holds the chunks of all parts until the upload is completed or
/// aborted. Source: docs/protocol/content.md, "Multipart uploads".
package struct Upload: Hashable, Sendable, BinaryRecord {
    package let id: UploadID
    package let manifest: ManifestID
    /// The highest ballot for which the upload holds the manifest.
    package var ceiling: Ballot
    /// Of the object to be.
    package let storageClass: StorageClass
    package let initiated: HybridTime
    package let checksum: ChecksumKind?
    /// Of the object to be.
    package let metadata: ObjectMetadata
    /// Of the object to be.
    package let tags: [Tag]
    /// Of the object to be; its owner began the upload.
    package let access: AccessList

    package init(
        id: UploadID,
        manifest: ManifestID,
        ceiling: Ballot,
        storageClass: StorageClass,
        initiated: HybridTime,
        checksum: ChecksumKind?,
        metadata: ObjectMetadata,
        tags: [Tag] = [],
        access: AccessList = AccessList()
    ) {
        self.id = id
        self.manifest = manifest
        self.ceiling = ceiling
        self.storageClass = storageClass
        self.initiated = initiated
        self.checksum = checksum
        self.metadata = metadata
        self.tags = tags
        self.access = access
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.id = try UploadID(from: &reader)
        self.manifest = try ManifestID(from: &reader)
        self.ceiling = try Ballot(from: &reader)
        self.storageClass = try StorageClass(from: &reader)
        self.initiated = try HybridTime(from: &reader)
        self.checksum = try reader.readOptional {
            reader throws(RecordError) in try ChecksumKind(from: &reader)
        }
        self.metadata = try ObjectMetadata(from: &reader)
        self.tags = try reader.readList(limit: Limit.objectTags) {
            reader throws(RecordError) in try Tag(from: &reader)
        }
        self.access = try AccessList(from: &reader)
    }

    package func encode(into writer: inout ByteWriter) {
        self.id.encode(into: &writer)
        self.manifest.encode(into: &writer)
        self.ceiling.encode(into: &writer)
        self.storageClass.encode(into: &writer)
        self.initiated.encode(into: &writer)
        writer.writeOptional(self.checksum) { $1.encode(into: &$0) }
        self.metadata.encode(into: &writer)
        writer.writeList(self.tags) { $1.encode(into: &$0) }
        self.access.encode(into: &writer)
    }

    var withoutMetadata: Upload {
        Upload(
            id: self.id,
            manifest: self.manifest,
            ceiling: self.ceiling,
            storageClass: self.storageClass,
            initiated: self.initiated,
            checksum: self.checksum,
            metadata: ObjectMetadata(),
            access: AccessList(owner: self.access.owner)
        )
    }
}
