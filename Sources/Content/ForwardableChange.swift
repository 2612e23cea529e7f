package import Register
package import StoreModel

/// A change that another node may be asked to make: data, and so is its outcome.
///
/// Bytes: docs/protocol/messages.md, "Changes".
package protocol ForwardableChange: RegisterChange, BinaryRecord where Outcome: BinaryRecord {}

extension WriteCondition: BinaryRecord {
    /// Longest ETag of a condition, in bytes.
    private static let etagBytes = 1_024

    package init(from reader: inout ByteReader) throws(RecordError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .none
        case 1: self = .absent
        case 2: self = .matches(etag: try reader.readString(limit: Self.etagBytes))
        case let tag: throw .unknownTag(tag)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .none: writer.write(UInt8(0))
        case .absent: writer.write(UInt8(1))
        case .matches(let etag):
            writer.write(UInt8(2))
            writer.writeString(etag)
        }
    }
}

extension WriteRefusal: BinaryRecord {
    package init(from reader: inout ByteReader) throws(RecordError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .preconditionFailed
        case 2: self = .targetMissing
        case 3: self = .garbageFull
        case 4: self = .tooManyVersions
        case let tag: throw .unknownTag(tag)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .preconditionFailed: writer.write(UInt8(1))
        case .targetMissing: writer.write(UInt8(2))
        case .garbageFull: writer.write(UInt8(3))
        case .tooManyVersions: writer.write(UInt8(4))
        }
    }
}

extension PutChange: ForwardableChange {
    package init(from reader: inout ByteReader) throws(RecordError) {
        let condition = try WriteCondition(from: &reader)
        self.init(try Version(from: &reader), condition: condition)
    }

    package func encode(into writer: inout ByteWriter) {
        self.condition.encode(into: &writer)
        self.version.encode(into: &writer)
    }
}

extension PutChange.Outcome: BinaryRecord {
    package init(from reader: inout ByteReader) throws(RecordError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .stored(try Version(from: &reader))
        case 2: self = .refused(try WriteRefusal(from: &reader))
        case let tag: throw .unknownTag(tag)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .stored(let version):
            writer.write(UInt8(1))
            version.encode(into: &writer)
        case .refused(let refusal):
            writer.write(UInt8(2))
            refusal.encode(into: &writer)
        }
    }
}

extension Deletion: BinaryRecord {
    package init(from reader: inout ByteReader) throws(RecordError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .null
        case 1: self = .version(try VersionID(from: &reader))
        case 2:
            let marker = try Version(from: &reader)
            guard marker.isMarker else { throw .invalid("no delete marker") }
            self = .hide(marker)
        case let tag: throw .unknownTag(tag)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .null: writer.write(UInt8(0))
        case .version(let version):
            writer.write(UInt8(1))
            version.encode(into: &writer)
        case .hide(let marker):
            writer.write(UInt8(2))
            marker.encode(into: &writer)
        }
    }
}

extension DeleteChange: ForwardableChange {
    package init(from reader: inout ByteReader) throws(RecordError) {
        let condition = try WriteCondition(from: &reader)
        let deletion = try Deletion(from: &reader)
        self.init(deletion, condition: condition, now: try HybridTime(from: &reader))
    }

    package func encode(into writer: inout ByteWriter) {
        self.condition.encode(into: &writer)
        self.deletion.encode(into: &writer)
        self.now.encode(into: &writer)
    }
}

extension DeleteChange.Outcome: BinaryRecord {
    package init(from reader: inout ByteReader) throws(RecordError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .deleted
        case 2: self = .refused(try WriteRefusal(from: &reader))
        case 3: self = .absent
        case 4: self = .markerDeleted
        case 5: self = .hidden(isNull: try reader.readBool())
        case let tag: throw .unknownTag(tag)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .deleted: writer.write(UInt8(1))
        case .refused(let refusal):
            writer.write(UInt8(2))
            refusal.encode(into: &writer)
        case .absent: writer.write(UInt8(3))
        case .markerDeleted: writer.write(UInt8(4))
        case .hidden(let isNull):
            writer.write(UInt8(5))
            writer.write(isNull)
        }
    }
}
