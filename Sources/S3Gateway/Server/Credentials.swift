package import S3Protocol

/// Who owns buckets and objects.
package struct Owner: Hashable, Sendable {
    /// As ACLs and listings show it.
    package let id: String
    package let displayName: String
    /// 12 digits, for `x-amz-expected-bucket-owner`.
    package let account: String

    package init(id: String, displayName: String, account: String = "000000000000") {
        self.id = id
        self.displayName = displayName
        self.account = account
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

/// Knows the access keys.
package protocol Credentials: Sendable {
    /// Nil for an unknown key.
    func credential(for accessKey: String) async -> Credential?
}

/// Access keys that do not change while the server runs.
package struct FixedCredentials: Credentials {
    private let credentials: [String: Credential]

    package init(_ credentials: [String: Credential]) { self.credentials = credentials }

    package func credential(for accessKey: String) async -> Credential? {
        self.credentials[accessKey]
    }
}
