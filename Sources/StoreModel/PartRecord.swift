/// The record of one part of an upload: a register of its own, so that parts which arrive at the
/// same time are in nobody's way.
///
///     version u8 = 1 | manifest id | etag: text | size u64 | modified u64
///     | checksums: u32 count, each
///     | segments: u32 count, each | source: manifest id? | borrowed: u32 count, each
///
/// A part that is uploaded again replaces the record. Chunks that the record does not list any more
/// stay until the upload is closed: they are nobody's until then, and everybody's who may yet
/// complete the upload. Source: docs/protocol/content.md, "Multipart uploads".
package struct PartRecord: Hashable, Sendable, BinaryRecord {
    /// That of the upload.
    package let manifest: ManifestID
    /// Without quotes: the MD5 of the part's bytes, or 32 digits that stand for them.
    package var etag: String
    package var size: UInt64
    package var modified: HybridTime
    package var checksums: [Checksum]
    /// Runs of the upload's manifest and of borrowed ones; none if the part is empty.
    package var segments: [SegmentRun]
    /// The manifest that lends the runs which are not of the upload's own.
    ///
    /// It need not be the one that the runs name: that may lend them in turn.
    package var source: ManifestID?
    /// All manifests that the upload's manifest holds on behalf of this part, earlier uploads of it
    /// included; sorted, each once, at most ``Limit/partBorrows``.
    package var borrowed: [ManifestID]

    package init(
        of manifest: ManifestID,
        etag: String,
        size: UInt64,
        modified: HybridTime,
        checksums: [Checksum],
        segments: [SegmentRun],
        source: ManifestID? = nil,
        borrowed: [ManifestID] = []
    ) {
        self.manifest = manifest
        self.etag = etag
        self.size = size
        self.modified = modified
        self.checksums = checksums
        self.segments = segments
        self.source = source
        self.borrowed = borrowed
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let version: UInt8 = try reader.read()
        guard version == 1 else { throw .unsupportedVersion(version) }
        self.manifest = try ManifestID(from: &reader)
        self.etag = try reader.readString(limit: Version.etagBytes)
        self.size = try reader.read()
        self.modified = try HybridTime(from: &reader)
        self.checksums = try reader.readList(limit: Limit.checksums) {
            reader throws(RecordError) in try Checksum(from: &reader)
        }
        self.segments = try reader.readList(limit: Limit.partRuns) {
            reader throws(RecordError) in try SegmentRun(from: &reader)
        }
        self.source = try reader.readOptional {
            reader throws(RecordError) in try ManifestID(from: &reader)
        }
        self.borrowed = try reader.readList(limit: Limit.partBorrows) {
            reader throws(RecordError) in try ManifestID(from: &reader)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(UInt8(1))
        self.manifest.encode(into: &writer)
        writer.writeString(self.etag)
        writer.write(self.size)
        self.modified.encode(into: &writer)
        writer.writeList(self.checksums) { $1.encode(into: &$0) }
        writer.writeList(self.segments) { $1.encode(into: &$0) }
        writer.writeOptional(self.source) { $1.encode(into: &$0) }
        writer.writeList(self.borrowed) { $1.encode(into: &$0) }
    }
}
