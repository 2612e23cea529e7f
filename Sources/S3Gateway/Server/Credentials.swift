package import Coordinator
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
    /// Nil for an unknown key; throws if nobody knows at present.
    func credential(for accessKey: String) async throws(ClusterError) -> Credential?
    var root: Owner { get }
    /// All users, as far as they are known here.
    ///
    /// One that was made a moment ago may be missing.
    func users() async -> UserDirectory
    /// All users, those made a moment ago among them.
    func usersNow() async throws(ClusterError) -> UserDirectory
}

/// Access keys and users that do not change while the server runs.
package struct FixedCredentials: Credentials {
    private let credentials: [String: Credential]
    let directory: UserDirectory

    /// `credentials` by access key, the root user's among them; `emails` by canonical id.
    package init(
        root: Owner,
        _ credentials: [String: Credential],
        emails: [String: String] = [:]
    ) {
        self.credentials = credentials
        self.directory = UserDirectory(root: root, credentials.values.map(\.owner), emails: emails)
    }

    package var root: Owner { self.directory.root }

    func known(_ accessKey: String) -> Credential? { self.credentials[accessKey] }

    package func credential(
        for accessKey: String
    ) async throws(ClusterError) -> Credential? { self.known(accessKey) }

    package func users() async -> UserDirectory { self.directory }

    package func usersNow() async throws(ClusterError) -> UserDirectory { self.directory }
}
