import Hummingbird

/// An access key without its secret: `GET /v1/keys/ID`.
package struct KeyReport: Hashable, Sendable, Codable {
    /// Where a key comes from, and so who can delete it.
    package enum Source: String, Hashable, Sendable, Codable {
        /// Made at runtime.
        case cluster
        /// From the file that `users.file` names.
        case file
        /// The root key of the node that was asked.
        case root
    }

    package struct User: Hashable, Sendable, Codable {
        /// Canonical.
        package var id: String
        package var name: String
        package var account: String

        package init(id: String, name: String, account: String) {
            self.id = id
            self.name = name
            self.account = account
        }
    }

    package var id: String
    /// What people call it; empty if nothing.
    package var name: String
    package var user: User
    package var source: Source
    /// In seconds since 1970; null for keys of settings.
    package var created: Double?
    /// What the user has been granted; null in lists.
    package var grants: [GrantReport]?

    package init(
        id: String,
        name: String,
        user: User,
        source: Source,
        created: Double? = nil,
        grants: [GrantReport]? = nil
    ) {
        self.id = id
        self.name = name
        self.user = user
        self.source = source
        self.created = created
        self.grants = grants
    }
}

/// `GET /v1/keys`.
package struct KeyList: Hashable, Sendable, Codable {
    package var keys: [KeyReport]

    package init(keys: [KeyReport]) { self.keys = keys }
}

/// The answer to `POST /v1/keys`, the only one that has a secret.
///
/// It prints without it.
package struct NewKey: Hashable, Sendable, Codable, CustomStringConvertible,
    CustomDebugStringConvertible, CustomReflectable
{
    package var key: KeyReport
    package var secretKey: String

    package init(key: KeyReport, secretKey: String) {
        self.key = key
        self.secretKey = secretKey
    }

    package var description: String { "new key \(self.key.id)" }
    package var debugDescription: String { self.description }
    package var customMirror: Mirror { Mirror(self, children: ["key": self.key]) }

    enum CodingKeys: String, CodingKey {
        case key
        case secretKey = "secret_key"
    }
}

/// The key that is wanted: the body of `POST /v1/keys`.
package struct KeyRequest: Hashable, Sendable, Codable, CustomStringConvertible,
    CustomDebugStringConvertible, CustomReflectable
{
    /// The name of the user; nil for a user of its own, called as the key is.
    package var user: String?
    /// What people call the key.
    package var name: String?
    /// Nil for one that is drawn; either both or none.
    package var accessKey: String?
    package var secretKey: String?

    package init(
        user: String? = nil,
        name: String? = nil,
        accessKey: String? = nil,
        secretKey: String? = nil
    ) {
        self.user = user
        self.name = name
        self.accessKey = accessKey
        self.secretKey = secretKey
    }

    package var description: String { "key request of user \(self.user ?? "(new)")" }
    package var debugDescription: String { self.description }
    package var customMirror: Mirror { Mirror(self, children: []) }

    enum CodingKeys: String, CodingKey {
        case user
        case name
        case accessKey = "access_key"
        case secretKey = "secret_key"
    }
}

/// What is to be changed of a grant.
package struct GrantChange: Hashable, Sendable {
    /// Names the user whose grant it is.
    package var key: String
    package var bucket: String
    /// False takes the permissions away.
    package var gives: Bool
    package var permissions: GrantPermissions

    package init(key: String, bucket: String, gives: Bool, permissions: GrantPermissions) {
        self.key = key
        self.bucket = bucket
        self.gives = gives
        self.permissions = permissions
    }
}

/// What is given, or taken away: the body of `PUT /v1/keys/ID/grants/BUCKET`.
package struct GrantPermissions: Hashable, Sendable, Codable {
    package var read: Bool?
    package var write: Bool?
    package var owner: Bool?

    package init(read: Bool? = nil, write: Bool? = nil, owner: Bool? = nil) {
        self.read = read
        self.write = write
        self.owner = owner
    }

    static let all = GrantPermissions(read: true, write: true, owner: true)

    package var isEmpty: Bool { ![self.read, self.write, self.owner].contains(true) }
}

/// What somebody may do with a bucket by grants.
package struct GrantReport: Hashable, Sendable, Codable {
    package var bucket: String
    package var user: KeyReport.User
    package var read: Bool
    package var write: Bool
    package var owner: Bool

    package init(
        bucket: String,
        user: KeyReport.User,
        read: Bool,
        write: Bool,
        owner: Bool
    ) {
        self.bucket = bucket
        self.user = user
        self.read = read
        self.write = write
        self.owner = owner
    }
}

extension KeyReport: ResponseCodable {}
extension KeyList: ResponseCodable {}
extension NewKey: ResponseCodable {}
extension GrantReport: ResponseCodable {}
