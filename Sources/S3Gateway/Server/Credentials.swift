package import S3Protocol

/// Who owns buckets and objects.
package struct Owner: Hashable, Sendable {
    /// As ACLs and listings show it.
    package let id: String
    package let displayName: String
    /// 12 digits, for `x-amz-expected-bucket-owner`.
    package let account: String
    /// May do everything, and owns what nobody else does.
    package let isRoot: Bool

    package init(
        id: String,
        displayName: String,
        account: String = "000000000000",
        isRoot: Bool = false
    ) {
        self.id = id
        self.displayName = displayName
        self.account = account
        self.isRoot = isRoot
    }
}

/// What belongs to an access key.
package struct Credential: Hashable, Sendable {
    package let secret: SecretKey
    package let owner: Owner

    package init(secret: SecretKey, owner: Owner) {
        self.secret = secret
        self.owner = owner
    }
}

/// Knows the access keys, and whose they are.
package protocol Credentials: Sendable {
    /// Nil for an unknown key.
    func credential(for accessKey: String) async -> Credential?
    var root: Owner { get }
    /// The user with a canonical id; nil if there is none.
    func user(id: String) -> Owner?
    func user(email: String) -> Owner?
}

/// Access keys and users that do not change while the server runs.
package struct FixedCredentials: Credentials {
    package let root: Owner
    private let credentials: [String: Credential]
    private let byID: [String: Owner]
    private let byEmail: [String: Owner]

    /// `credentials` by access key, the root user's among them; `emails` by canonical id.
    package init(
        root: Owner,
        _ credentials: [String: Credential],
        emails: [String: String] = [:]
    ) {
        self.root = root
        self.credentials = credentials
        let owners = credentials.values.map { ($0.owner.id, $0.owner) }
        let byID = Dictionary(owners) { first, _ in first }
        self.byID = byID
        self.byEmail = Dictionary(
            emails.compactMap { id, email in byID[id].map { (email, $0) } }
        ) { first, _ in first }
    }

    package func credential(for accessKey: String) async -> Credential? {
        self.credentials[accessKey]
    }

    package func user(id: String) -> Owner? { self.byID[id] }

    package func user(email: String) -> Owner? { self.byEmail[email] }
}
