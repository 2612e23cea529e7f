import Crypto
import Foundation
import S3Gateway
import StoreModel
import Yams

/// The users that there are besides the root user, and their access keys.
///
///     users:
///       - name: alice
///         id: 79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be
///         account: "123456789012"
///         email: alice@example.com
///         keys:
///           - { access_key: AKIAALICE, secret_key: ... }
///
/// Name and keys have to be there. The canonical id and the account are made of the name if they
/// are not: they must not change as long as the user owns something. Source:
/// docs/operations/configuration.md, "Users".
struct UsersFile: Hashable, Sendable {
    struct User: Hashable, Sendable {
        var name: String
        var id: String
        var account: String
        var email: String?
        var keys: [Key]

        var owner: S3Gateway.Owner {
            S3Gateway.Owner(id: self.id, displayName: self.name, account: self.account)
        }
    }

    struct Key: Hashable, Sendable {
        var accessKey: String
        var secretKey: Secret
    }

    /// Most users in one file.
    static let usersMax = 10_000

    private(set) var users: [User] = []

    /// No users.
    init() {}

    /// Reads a file that not every user of the machine may read.
    init(reading path: String) throws(SecretFile.Refused) {
        try self.init(parsing: try SecretFile.wholeText(path), path)
    }

    init(parsing text: String, _ path: String) throws(SecretFile.Refused) {
        let document: Document
        do { document = try YAMLDecoder().decode(Document.self, from: text) } catch {
            throw .init(description: "\(path) is no list of users: \(Self.explained(error))")
        }
        guard document.users.count <= Self.usersMax else {
            throw .init(description: "\(path) has more than \(Self.usersMax) users")
        }
        for user in document.users { self.users.append(try Self.checked(user, path)) }
        for (what, values) in [
            ("name", self.users.map(\.name)), ("id", self.users.map(\.id)),
            ("email", self.users.compactMap(\.email)),
            ("access key", self.users.flatMap { $0.keys.map(\.accessKey) }),
        ] {
            var seen: Set<String> = []
            for value in values where !seen.insert(value).inserted {
                throw .init(description: "\(path): the \(what) \(value) is there twice")
            }
        }
    }

    /// Canonical id and account of a user, made of its name: the same wherever they are made.
    static func identity(of name: String) -> (id: String, account: String) {
        let digest = Array(SHA256.hash(data: Array("triolet user \(name)".utf8)))
        let number = digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } % 1_000_000_000_000
        let digits = String(number)
        return (
            Hexadecimal.text(digest), String(repeating: "0", count: 12 - digits.count) + digits
        )
    }

    private static func checked(
        _ user: Document.User,
        _ path: String
    ) throws(SecretFile.Refused) -> User {
        func check(_ isFine: Bool, _ what: String) throws(SecretFile.Refused) {
            if !isFine { throw .init(description: "\(path): user \(user.name): \(what)") }
        }
        try check((1...64).contains(user.name.utf8.count), "a name has 1 to 64 bytes")
        let made = Self.identity(of: user.name)
        let id = user.id ?? made.id
        try check(
            (1...AccessList.ownerBytes).contains(id.utf8.count)
                && id.utf8.allSatisfy { (0x21...0x7E).contains($0) } && id != "anonymous",
            "an id has 1 to 64 printable characters"
        )
        let account = user.account ?? made.account
        try check(
            account.utf8.count == 12 && account.utf8.allSatisfy { (0x30...0x39).contains($0) },
            "an account has 12 digits"
        )
        try check(!user.keys.isEmpty, "there is no key")
        for key in user.keys {
            try check(
                (3...128).contains(key.accessKey.utf8.count) && key.secretKey.utf8.count >= 8,
                "an access key has 3 to 128 characters, a secret key at least 8"
            )
        }
        return User(
            name: user.name,
            id: id,
            account: account,
            email: user.email,
            keys: user.keys.map { Key(accessKey: $0.accessKey, secretKey: Secret($0.secretKey)) }
        )
    }

    /// What is wrong, without what the file says: there are secrets in it.
    private static func explained(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, _): "\(key.stringValue) is missing"
        case DecodingError.typeMismatch(_, let context),
            DecodingError.valueNotFound(_, let context):
            "\(context.codingPath.map(\.stringValue).joined(separator: ".")) is something else"
        default: "the YAML cannot be read"
        }
    }
}

private struct Document: Decodable {
    struct User: Decodable {
        var name: String
        var id: String?
        var account: String?
        var email: String?
        var keys: [Key]
    }

    struct Key: Decodable {
        enum CodingKeys: String, CodingKey {
            case accessKey = "access_key"
            case secretKey = "secret_key"
        }

        var accessKey: String
        var secretKey: String
    }

    var users: [User]
}
