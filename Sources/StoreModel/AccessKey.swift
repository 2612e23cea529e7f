/// Whose an access key is.
///
///     canonical id text | name text | account text (12 digits)
///
/// There is no record of a user by itself: a user is there as long as a key is.
package struct KeyUser: Hashable, Sendable, BinaryRecord {
    /// As access lists and policies name the user.
    package let id: String
    package let name: String
    package let account: String

    /// - Precondition: all three are well-formed.
    package init(id: String, name: String, account: String) {
        precondition(
            Self.isID(id) && Self.isName(name) && Self.isAccount(account),
            "Whoever makes a user checks its names."
        )
        self.id = id
        self.name = name
        self.account = account
    }

    /// 1 to ``AccessList/ownerBytes`` printable characters.
    package static func isID(_ text: String) -> Bool {
        (1...AccessList.ownerBytes).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    /// 1 to ``Limit/userNameBytes`` bytes without control characters.
    package static func isName(_ text: String) -> Bool {
        (1...Limit.userNameBytes).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }

    package static func isAccount(_ text: String) -> Bool {
        text.utf8.count == 12 && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let id = try reader.readString(limit: AccessList.ownerBytes)
        let name = try reader.readString(limit: Limit.userNameBytes)
        let account = try reader.readString(limit: 12)
        guard Self.isID(id), Self.isName(name), Self.isAccount(account) else {
            throw .invalid("user of an access key")
        }
        self.init(id: id, name: name, account: account)
    }

    package func encode(into writer: inout ByteWriter) {
        writer.writeString(self.id)
        writer.writeString(self.name)
        writer.writeString(self.account)
    }
}

/// An access key that was made while the cluster runs.
///
///     id text | secret text | user | label text | created u64
package struct AccessKey: Hashable, Sendable, BinaryRecord {
    /// What requests name.
    package let id: String
    /// What they are signed with.
    package let secret: HiddenText
    package let user: KeyUser
    /// What people call the key; may be empty.
    package let label: String
    package var created: HybridTime

    /// - Precondition: id, secret and label are well-formed.
    package init(
        id: String,
        secret: HiddenText,
        user: KeyUser,
        label: String = "",
        created: HybridTime = HybridTime(microseconds: 0)
    ) {
        precondition(
            Self.isID(id) && Self.isSecret(secret.revealed) && Self.isLabel(label),
            "Whoever makes a key checks its parts."
        )
        self.id = id
        self.secret = secret
        self.user = user
        self.label = label
        self.created = created
    }

    /// 3 to 128 letters, digits, dots, hyphens and underscores.
    package static func isID(_ text: String) -> Bool {
        (3...Limit.accessKeyBytes).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
                default: false
                }
            }
    }

    /// 8 to 128 printable characters.
    package static func isSecret(_ text: String) -> Bool {
        (8...Limit.accessKeyBytes).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    package static func isLabel(_ text: String) -> Bool { text.isEmpty || KeyUser.isName(text) }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let id = try reader.readString(limit: Limit.accessKeyBytes)
        let secret = try reader.readString(limit: Limit.accessKeyBytes)
        let user = try KeyUser(from: &reader)
        let label = try reader.readString(limit: Limit.userNameBytes)
        guard Self.isID(id), Self.isSecret(secret), Self.isLabel(label) else {
            throw .invalid("access key")
        }
        self.init(
            id: id,
            secret: HiddenText(secret),
            user: user,
            label: label,
            created: try HybridTime(from: &reader)
        )
    }

    package func encode(into writer: inout ByteWriter) {
        writer.writeString(self.id)
        writer.writeString(self.secret.revealed)
        self.user.encode(into: &writer)
        writer.writeString(self.label)
        self.created.encode(into: &writer)
    }
}

/// All access keys that were made while the cluster runs: what the register `access keys` holds.
///
///     version u8 = 1 | keys: u32 count, each, in the order of their ids
///
/// Source: docs/protocol/registers.md, "Access keys".
package struct AccessKeysRecord: Hashable, Sendable, BinaryRecord {
    /// In the order of their ids, each id once; at most ``Limit/accessKeys``.
    package private(set) var keys: [AccessKey]

    /// - Precondition: at most ``Limit/accessKeys`` keys, each id once.
    package init(_ keys: [AccessKey] = []) {
        self.keys = keys.sorted { $0.id < $1.id }
        precondition(
            keys.count <= Limit.accessKeys && Self.areOrdered(self.keys),
            "Each key is there once."
        )
    }

    private static func areOrdered(_ keys: [AccessKey]) -> Bool {
        zip(keys, keys.dropFirst()).allSatisfy { $0.id < $1.id }
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let version: UInt8 = try reader.read()
        guard version == 1 else { throw .unsupportedVersion(version) }
        self.keys = try reader.readList(limit: Limit.accessKeys) {
            reader throws(RecordError) in try AccessKey(from: &reader)
        }
        guard Self.areOrdered(self.keys) else { throw .invalid("order of access keys") }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(UInt8(1))
        writer.writeList(self.keys) { $1.encode(into: &$0) }
    }
}
