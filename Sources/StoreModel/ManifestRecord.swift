/// Who keeps a manifest alive.
package enum Owner: Hashable, Comparable, Sendable, BinaryRecord {
    /// A version of the object whose register is named.
    case version(RegisterKey, VersionID)
    /// Another manifest that borrows from this one.
    case manifest(ManifestID)
    /// A multipart upload of the object whose register is named: it holds the manifest of its parts
    /// as long as it is open.
    case upload(RegisterKey, UploadID)

    package init(from reader: inout ByteReader) throws(RecordError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .version(try RegisterKey(from: &reader), try VersionID(from: &reader))
        case 2: self = .manifest(try ManifestID(from: &reader))
        case 3: self = .upload(try RegisterKey(from: &reader), try UploadID(from: &reader))
        case let tag: throw .unknownTag(tag)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .version(let key, let version):
            writer.write(UInt8(1))
            key.encode(into: &writer)
            version.encode(into: &writer)
        case .manifest(let manifest):
            writer.write(UInt8(2))
            manifest.encode(into: &writer)
        case .upload(let key, let upload):
            writer.write(UInt8(3))
            key.encode(into: &writer)
            upload.encode(into: &writer)
        }
    }

    /// The register and the entry in it that the owner is; nil for a manifest.
    package var entry: (key: RegisterKey, entry: Entry)? {
        switch self {
        case .version(let key, let version): (key, .version(version))
        case .upload(let key, let upload): (key, .upload(upload))
        case .manifest: nil
        }
    }

    package static func < (left: Self, right: Self) -> Bool {
        left.encoded.lexicographicallyPrecedes(right.encoded)
    }
}

/// A hold: the owner, and the highest ballot at which the owner may ever come to name the manifest.
///
/// A manifest that borrows holds without a ceiling (zero): it names the other for good.
package struct Hold: Hashable, Sendable, BinaryRecord {
    package let owner: Owner
    package var ceiling: Ballot
    /// The audit has seen the owner live at a chosen ballot.
    package var confirmed: Bool

    package init(owner: Owner, ceiling: Ballot, confirmed: Bool = false) {
        self.owner = owner
        self.ceiling = ceiling
        self.confirmed = confirmed
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.owner = try Owner(from: &reader)
        self.ceiling = try Ballot(from: &reader)
        self.confirmed = try reader.readBool()
    }

    package func encode(into writer: inout ByteWriter) {
        self.owner.encode(into: &writer)
        self.ceiling.encode(into: &writer)
        writer.write(self.confirmed)
    }
}

/// The record of one manifest.
///
///     version u8 = 1 | state u8 (1 open, 2 sealed, 3 dead) | storage class u8
///     | segments: u32 count, each | borrows: u32 count, each | holds: u32 count, each
///
/// Segments never change once sealed. A dead manifest keeps them, so that the deletion of its
/// chunks can be repeated until every node has confirmed it. Source: docs/protocol/content.md,
/// "Manifests".
package struct ManifestRecord: Hashable, Sendable, BinaryRecord {
    package enum State: UInt8, Hashable, Sendable {
        case open = 1
        case sealed = 2
        case dead = 3
    }

    package var state: State
    package var storageClass: StorageClass
    /// Empty while open.
    package var list: SegmentList
    /// Manifests that segments borrow from, sorted, each once.
    package var borrows: [ManifestID]
    /// In order of owner, each once, at most ``Limit/holders``.
    ///
    /// Empty if and only if dead.
    package var holds: [Hold]

    package init(
        state: State,
        storageClass: StorageClass,
        segments: [SegmentRun],
        borrows: [ManifestID],
        holds: [Hold]
    ) {
        self.state = state
        self.storageClass = storageClass
        self.list = SegmentList(segments)
        self.borrows = borrows
        self.holds = holds
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let version: UInt8 = try reader.read()
        guard version == 1 else { throw .unsupportedVersion(version) }
        let tag: UInt8 = try reader.read()
        guard let state = State(rawValue: tag) else { throw .unknownTag(tag) }
        self.state = state
        self.storageClass = try StorageClass(from: &reader)
        self.list = try SegmentList(from: &reader)
        self.borrows = try reader.readList(limit: Limit.borrows) {
            reader throws(RecordError) in try ManifestID(from: &reader)
        }
        self.holds = try reader.readList(limit: Limit.holders) {
            reader throws(RecordError) in try Hold(from: &reader)
        }
        guard self.holds.isEmpty == (state == .dead) else { throw .invalid("holds and state") }
        guard state != .open || self.list.isEmpty else { throw .invalid("open with segments") }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(UInt8(1))
        writer.write(self.state.rawValue)
        self.storageClass.encode(into: &writer)
        self.list.encode(into: &writer)
        writer.writeList(self.borrows) { $1.encode(into: &$0) }
        writer.writeList(self.holds) { $1.encode(into: &$0) }
    }

    /// The runs of ``list``, read anew each time.
    package var segments: [SegmentRun] { self.list.runs }

    /// The chunks that live and die with a manifest: all that its segments list, but for what they
    /// borrow.
    ///
    /// Borrowed chunks are their own manifest's, which lives at least as long.
    package func chunks(of manifest: ManifestID) -> some Sequence<ChunkName> {
        self.segments.lazy.filter { $0.manifest == manifest }.flatMap { run in
            (0..<run.count).lazy.map { run.chunk($0) }
        }
    }

    /// The digest of a list of segments (``SegmentList/digest``).
    package static func digest(of segments: [SegmentRun]) -> UInt64 {
        SegmentList(segments).digest
    }
}
