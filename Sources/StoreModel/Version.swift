/// Where the bytes of a version are.
package enum VersionContent: Hashable, Sendable, BinaryRecord {
    /// At most ``Limit/inlineBytes``.
    case inline([UInt8])
    /// `digest` is that of the segments (``ManifestRecord/digest(of:)``).
    ///
    /// `ceiling` is the highest ballot for which the version holds the manifest.
    ///
    /// If there are more than ``Limit/inlineRuns`` segments, the manifest alone has them, and the
    /// list is empty here: content in a manifest is never empty.
    case manifest(ManifestID, segments: [SegmentRun], digest: UInt64, ceiling: Ballot)

    package init(from reader: inout ByteReader) throws(RecordError) {
        switch try reader.read(UInt8.self) {
        case 1:
            self = .inline(try reader.readBytes(limit: Limit.inlineBytes))
        case 2:
            let manifest = try ManifestID(from: &reader)
            let segments = try reader.readList(limit: Limit.inlineRuns) {
                reader throws(RecordError) in try SegmentRun(from: &reader)
            }
            self = .manifest(
                manifest,
                segments: segments,
                digest: try reader.read(),
                ceiling: try Ballot(from: &reader)
            )
        case let tag: throw .unknownTag(tag)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .inline(let bytes):
            writer.write(UInt8(1))
            writer.writeBytes(bytes)
        case .manifest(let manifest, let segments, let digest, let ceiling):
            writer.write(UInt8(2))
            manifest.encode(into: &writer)
            writer.writeList(segments) { $1.encode(into: &$0) }
            writer.write(digest)
            ceiling.encode(into: &writer)
        }
    }
}

/// One version of an object: its metadata, and where its content is.
package struct Version: Hashable, Sendable, BinaryRecord {
    /// Longest ETag: 32 digits, a dash and a part count.
    package static let etagBytes = 64

    package var id: VersionID
    /// Clients know it by the id `null`; a key has at most one such version.
    ///
    /// It was made while the bucket did not keep versions.
    package var isNull: Bool
    /// A delete marker: it has no content, and hides what is older.
    package var isMarker: Bool
    /// Without quotes.
    package var etag: String
    /// Bytes of content.
    package var size: UInt64
    package var storageClass: StorageClass
    package var modified: HybridTime
    package var metadata: ObjectMetadata
    package var checksums: [Checksum]
    package var content: VersionContent
    /// The multipart upload that it was made of.
    ///
    /// So the completion of an upload can be repeated as long as its object is there.
    package var upload: UploadID?
    /// The parts that it was made of; empty if it was written at once, copied, or made of parts of
    /// too many sizes.
    package var parts: [PartRun]
    /// At most ``Limit/objectTags``.
    package var tags: [Tag]
    package var access: AccessList

    package init(
        id: VersionID,
        etag: String,
        size: UInt64,
        storageClass: StorageClass,
        modified: HybridTime,
        metadata: ObjectMetadata,
        checksums: [Checksum],
        content: VersionContent,
        upload: UploadID? = nil,
        parts: [PartRun] = [],
        tags: [Tag] = [],
        access: AccessList = AccessList(),
        isNull: Bool = true
    ) {
        self.id = id
        self.isNull = isNull
        self.isMarker = false
        self.etag = etag
        self.size = size
        self.storageClass = storageClass
        self.modified = modified
        self.metadata = metadata
        self.checksums = checksums
        self.content = content
        self.upload = upload
        self.parts = parts
        self.tags = tags
        self.access = access
    }

    /// A delete marker.
    package init(
        marker id: VersionID,
        isNull: Bool,
        modified: HybridTime,
        access: AccessList
    ) {
        self.init(
            id: id,
            etag: "",
            size: 0,
            storageClass: .standard,
            modified: modified,
            metadata: ObjectMetadata(),
            checksums: [],
            content: .inline([]),
            access: access,
            isNull: isNull
        )
        self.isMarker = true
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.id = try VersionID(from: &reader)
        let flags: UInt8 = try reader.read()
        guard flags < 4 else { throw .unknownTag(flags) }
        self.isNull = flags & 1 != 0
        self.isMarker = flags & 2 != 0
        self.etag = try reader.readString(limit: Self.etagBytes)
        self.size = try reader.read()
        self.storageClass = try StorageClass(from: &reader)
        self.modified = try HybridTime(from: &reader)
        self.metadata = try ObjectMetadata(from: &reader)
        self.checksums = try reader.readList(limit: Limit.checksums) {
            reader throws(RecordError) in try Checksum(from: &reader)
        }
        self.content = try VersionContent(from: &reader)
        self.upload = try reader.readOptional {
            reader throws(RecordError) in try UploadID(from: &reader)
        }
        self.parts = try reader.readList(limit: Limit.partSizes) {
            reader throws(RecordError) in try PartRun(from: &reader)
        }
        guard self.parts.isEmpty || self.parts.bytes == self.size else {
            throw .invalid("sizes of parts")
        }
        self.tags = try reader.readList(limit: Limit.objectTags) {
            reader throws(RecordError) in try Tag(from: &reader)
        }
        self.access = try AccessList(from: &reader)
        guard !self.isMarker || self.content == .inline([]) else {
            throw .invalid("delete marker with content")
        }
    }

    package func encode(into writer: inout ByteWriter) {
        self.id.encode(into: &writer)
        writer.write(UInt8(self.isNull ? 1 : 0) | UInt8(self.isMarker ? 2 : 0))
        writer.writeString(self.etag)
        writer.write(self.size)
        self.storageClass.encode(into: &writer)
        self.modified.encode(into: &writer)
        self.metadata.encode(into: &writer)
        writer.writeList(self.checksums) { $1.encode(into: &$0) }
        self.content.encode(into: &writer)
        writer.writeOptional(self.upload) { $1.encode(into: &$0) }
        writer.writeList(self.parts) { $1.encode(into: &$0) }
        writer.writeList(self.tags) { $1.encode(into: &$0) }
        self.access.encode(into: &writer)
    }

    /// The version as listings carry it: without its bytes or where they are, without tags and
    /// grants.
    package var withoutContent: Version {
        var version = self
        version.content = .inline([])
        version.tags = []
        version.access = AccessList(owner: self.access.owner)
        return version
    }
}
