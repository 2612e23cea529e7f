package import Hummingbird

/// Who may do what, as the admin port shows and changes it.
///
/// Keys are named by their ids, or the first characters of them; four at least.
package protocol AccessAdmin: Sendable {
    func keys() async throws(AdminRefusal) -> KeyList
    /// The key, with what its user has been granted.
    func key(_ name: String) async throws(AdminRefusal) -> KeyReport
    func createKey(_ request: KeyRequest) async throws(AdminRefusal) -> NewKey
    /// The key that is gone.
    func deleteKey(_ name: String) async throws(AdminRefusal) -> KeyReport
    /// Changes what the key's user may do with a bucket, and says what that is now.
    func change(_ change: GrantChange) async throws(AdminRefusal) -> GrantReport
    func buckets() async throws(AdminRefusal) -> BucketList
    func bucket(_ name: String) async throws(AdminRefusal) -> BucketReport
    func createBucket(_ request: BucketRequest) async throws(AdminRefusal) -> BucketReport
    func deleteBucket(_ name: String) async throws(AdminRefusal)
}

/// Why something is not shown or not done.
package struct AdminRefusal: Error, Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// The request asks for what cannot be.
        case invalid
        /// There is nothing of that name.
        case unknown
        /// Something else is in the way.
        case conflict
        /// The cluster cannot do it now; a change may have been made all the same.
        case unavailable
    }

    package var kind: Kind
    /// For people: what is wrong, and what to do.
    package var message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
}

extension AdminRefusal: HTTPResponseError {
    package var status: HTTPResponse.Status {
        switch self.kind {
        case .invalid: .badRequest
        case .unknown: .notFound
        case .conflict: .conflict
        case .unavailable: .serviceUnavailable
        }
    }

    package func response(
        from request: Request,
        context: some RequestContext
    ) throws -> Response {
        try HTTPError(self.status, message: self.message).response(from: request, context: context)
    }
}
