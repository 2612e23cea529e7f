/// What can keep a manifest alive in an object's record.
package enum Entry: Hashable, Sendable, BinaryRecord {
    case version(VersionID)
    case upload(UploadID)

    package init(from reader: inout ByteReader) throws(RecordError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .version(try VersionID(from: &reader))
        case 2: self = .upload(try UploadID(from: &reader))
        case let tag: throw .unknownTag(tag)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .version(let version):
            writer.write(UInt8(1))
            version.encode(into: &writer)
        case .upload(let upload):
            writer.write(UInt8(2))
            upload.encode(into: &writer)
        }
    }

    /// The entry of a record as the manifest that it holds knows it.
    package func owner(in key: RegisterKey) -> Owner {
        switch self {
        case .version(let version): .version(key, version)
        case .upload(let upload): .upload(key, upload)
        }
    }
}

/// An entry that a change has dropped and whose hold nobody has released yet.
package struct Garbage: Hashable, Sendable, BinaryRecord {
    package let entry: Entry
    package let manifest: ManifestID
    /// The ballot of the change that dropped the entry: the evidence for its release.
    package let fence: Ballot

    package init(entry: Entry, manifest: ManifestID, fence: Ballot) {
        self.entry = entry
        self.manifest = manifest
        self.fence = fence
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.entry = try Entry(from: &reader)
        self.manifest = try ManifestID(from: &reader)
        self.fence = try Ballot(from: &reader)
    }

    package func encode(into writer: inout ByteWriter) {
        self.entry.encode(into: &writer)
        self.manifest.encode(into: &writer)
        self.fence.encode(into: &writer)
    }
}

/// The record of one object key.
///
///     version u8 = 1 | versions: u32 count, each | uploads: u32 count, each
///     | garbage: u32 count, each | last modified u64
///
/// or, if a rename concerns it, `version u8 = 2`, the same, and `fence u64 | pending?`.
///
/// Versions are newest first, delete markers among them, and at most one of them is the null
/// version; a bucket that never kept versions has no other. A record without versions and
/// uploads exists only while it has garbage or a pending rename; afterwards the register is a
/// tombstone.
package struct ObjectRecord: Hashable, Sendable, BinaryRecord {
    package var versions: [Version]
    /// Those that are open, in the order of their ids, at most ``Limit/uploads``.
    package var uploads: [Upload]
    /// At most ``Limit/garbage``, oldest first.
    package var garbage: [Garbage]
    /// Never goes back, whatever the clocks of the coordinators say.
    package var modified: HybridTime
    /// Grows each time a rename of what is here is decided against.
    package var fence: UInt64 = 0
    /// A rename from here or to here that has not ended.
    package var pending: PendingRename?

    package init(
        versions: [Version],
        uploads: [Upload] = [],
        garbage: [Garbage],
        modified: HybridTime
    ) {
        self.versions = versions
        self.uploads = uploads
        self.garbage = garbage
        self.modified = modified
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let version: UInt8 = try reader.read()
        guard version == 1 || version == Self.renamingVersion else {
            throw .unsupportedVersion(version)
        }
        self.versions = try reader.readList(limit: Limit.versions) {
            reader throws(RecordError) in try Version(from: &reader)
        }
        guard self.versions.count(where: \.isNull) <= 1 else { throw .invalid("null versions") }
        self.uploads = try reader.readList(limit: Limit.uploads) {
            reader throws(RecordError) in try Upload(from: &reader)
        }
        self.garbage = try reader.readList(limit: Limit.garbage) {
            reader throws(RecordError) in try Garbage(from: &reader)
        }
        self.modified = try HybridTime(from: &reader)
        guard version == Self.renamingVersion else { return }
        self.fence = try reader.read()
        self.pending = try reader.readOptional {
            reader throws(RecordError) in try PendingRename(from: &reader)
        }
        guard self.isRenaming else { throw .invalid("no rename") }
    }

    /// The format of a record that a rename concerns.
    private static let renamingVersion: UInt8 = 2

    private var isRenaming: Bool { self.fence > 0 || self.pending != nil }

    /// The pending rename of the record with these bytes; that of all others is nil at a glance.
    package static func pending(in body: [UInt8]?) throws(RecordError) -> PendingRename? {
        guard let body, body.first == Self.renamingVersion else { return nil }
        return try Self(decoding: body).pending
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.isRenaming ? Self.renamingVersion : UInt8(1))
        writer.writeList(self.versions) { $1.encode(into: &$0) }
        writer.writeList(self.uploads) { $1.encode(into: &$0) }
        writer.writeList(self.garbage) { $1.encode(into: &$0) }
        self.modified.encode(into: &writer)
        guard self.isRenaming else { return }
        writer.write(self.fence)
        writer.writeOptional(self.pending) { $1.encode(into: &$0) }
    }

    /// The version that was made last; it may be a delete marker.
    package var newest: Version? { self.versions.first }

    /// What a reader without a version id sees: nil behind a delete marker.
    package var current: Version? {
        guard let newest = self.newest, !newest.isMarker else { return nil }
        return newest
    }
}
