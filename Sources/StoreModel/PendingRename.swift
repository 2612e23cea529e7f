/// A rename that has begun and not ended, as the record of one of its two keys has it.
///
/// A rename is known by the id of the version that it makes of its target. Source:
/// docs/protocol/renaming.md.
package enum PendingRename: Hashable, Sendable, BinaryRecord {
    /// A version is to come here. Whether it does is decided at its source.
    case incoming(IncomingVersion)
    /// The version that was here has become this version of another key of the bucket, for good.
    case moved(VersionID, to: ObjectKey)

    package init(from reader: inout ByteReader) throws(RecordError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .incoming(try IncomingVersion(from: &reader))
        case 2:
            let version = try VersionID(from: &reader)
            self = .moved(version, to: try ObjectKey(from: &reader))
        case let tag: throw .unknownTag(tag)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .incoming(let incoming):
            writer.write(UInt8(1))
            incoming.encode(into: &writer)
        case .moved(let version, let target):
            writer.write(UInt8(2))
            version.encode(into: &writer)
            target.encode(into: &writer)
        }
    }
}

/// A version that a rename is to bring, as its target's record has it.
package struct IncomingVersion: Hashable, Sendable, BinaryRecord {
    /// What it will be here: the source's content and metadata under an id of its own.
    package var version: Version
    /// The key that it comes from, in the same bucket.
    package let source: ObjectKey
    /// The version that it is there.
    package let sourceVersion: VersionID
    /// The ``ObjectRecord/fence`` that was found there: it moves under no other.
    package let fence: UInt64

    package init(
        _ version: Version,
        from source: ObjectKey,
        _ sourceVersion: VersionID,
        fence: UInt64
    ) {
        self.version = version
        self.source = source
        self.sourceVersion = sourceVersion
        self.fence = fence
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.version = try Version(from: &reader)
        guard self.version.isNull, !self.version.isMarker else {
            throw .invalid("incoming version")
        }
        self.source = try ObjectKey(from: &reader)
        self.sourceVersion = try VersionID(from: &reader)
        self.fence = try reader.read()
    }

    package func encode(into writer: inout ByteWriter) {
        self.version.encode(into: &writer)
        self.source.encode(into: &writer)
        self.sourceVersion.encode(into: &writer)
        writer.write(self.fence)
    }
}

extension ObjectRecord {
    /// The version that is to come here, if there is one.
    package var incoming: IncomingVersion? {
        guard case .incoming(let incoming)? = self.pending else { return nil }
        return incoming
    }

    /// All versions that hold what they name: those of the key, and the one that is to come.
    package var holders: [Version] {
        guard let incoming = self.incoming else { return self.versions }
        return self.versions + [incoming.version]
    }

    /// What readers find once the version that is to come has come.
    package var arrived: ObjectRecord {
        guard let incoming = self.incoming else { return self }
        var record = self
        record.versions.removeAll { $0.isNull }
        record.versions.insert(incoming.version, at: 0)
        record.pending = nil
        return record
    }
}
