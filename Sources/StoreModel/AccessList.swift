/// What somebody may do with a bucket or an object.
package enum Permission: UInt8, CaseIterable, Hashable, Sendable, BinaryRecord {
    case read = 1
    case write = 2
    /// Read the access list.
    case readAccess = 3
    /// Write the access list.
    case writeAccess = 4
    case fullControl = 5

    package init(from reader: inout ByteReader) throws(RecordError) {
        let tag: UInt8 = try reader.read()
        guard let permission = Self(rawValue: tag) else { throw .unknownTag(tag) }
        self = permission
    }

    package func encode(into writer: inout ByteWriter) { writer.write(self.rawValue) }
}

/// Whom a grant is for.
///
///     1 | canonical id text, 2 (everybody), or 3 (everybody with a valid signature)
package enum Grantee: Hashable, Sendable, BinaryRecord {
    /// A user, by canonical id.
    case user(String)
    case everybody
    case authenticated

    package init(from reader: inout ByteReader) throws(RecordError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .user(try reader.readString(limit: AccessList.ownerBytes))
        case 2: self = .everybody
        case 3: self = .authenticated
        case let tag: throw .unknownTag(tag)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .user(let id):
            writer.write(UInt8(1))
            writer.writeString(id)
        case .everybody: writer.write(UInt8(2))
        case .authenticated: writer.write(UInt8(3))
        }
    }
}

/// A permission that a grantee has.
///
///     grantee | permission u8
package struct Grant: Hashable, Sendable, BinaryRecord {
    package let grantee: Grantee
    package let permission: Permission

    package init(_ grantee: Grantee, _ permission: Permission) {
        self.grantee = grantee
        self.permission = permission
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.grantee = try Grantee(from: &reader)
        self.permission = try Permission(from: &reader)
    }

    package func encode(into writer: inout ByteWriter) {
        self.grantee.encode(into: &writer)
        self.permission.encode(into: &writer)
    }
}

/// Who owns a bucket or an object, and who else may do what with it.
///
///     owner text | the owner is limited u8 | grants: u32 count, each
///
/// The owner's own full control goes without saying and is not among the grants, unless the owner
/// has given it up.
package struct AccessList: Hashable, Sendable, BinaryRecord {
    /// Longest canonical id, in bytes.
    package static let ownerBytes = 64

    /// A canonical id; empty for the root user.
    package var owner: String
    /// The owner may read and write this list and else what the grants say.
    package var isOwnerLimited: Bool
    /// At most ``Limit/grants``, in the order in which they were given.
    package var grants: [Grant]

    package init(owner: String = "", grants: [Grant] = [], isOwnerLimited: Bool = false) {
        self.owner = owner
        self.isOwnerLimited = isOwnerLimited
        self.grants = grants
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.owner = try reader.readString(limit: Self.ownerBytes)
        self.isOwnerLimited = try reader.readBool()
        self.grants = try reader.readList(limit: Limit.grants) {
            reader throws(RecordError) in try Grant(from: &reader)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.writeString(self.owner)
        writer.write(self.isOwnerLimited)
        writer.writeList(self.grants) { $1.encode(into: &$0) }
    }
}
