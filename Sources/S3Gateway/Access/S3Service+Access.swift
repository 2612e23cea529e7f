import Coordinator
import NIOCore
import S3Protocol
import StoreModel

extension S3Service {
    // MARK: - Who may do what

    /// The request with what is settled about it.
    ///
    /// The root user may do everything, so that nothing has to be looked up for its requests.
    ///
    /// - Throws: `AccessDenied`, or that there is no such bucket.
    func admitted(
        _ request: S3Request,
        _ operation: S3Operation
    ) async throws(S3Error) -> S3Request {
        var request = request
        let version = request.target["versionId"]
        let (action, authority) = operation.access(request, hasVersion: version != nil)
        if authority == .everybody { return request }
        if authority == .anyUser {
            guard request.sender.user != nil else { throw S3Error(.accessDenied) }
            return request
        }
        try await self.checkExpectedOwner(request)
        guard !request.sender.isRoot else {
            request.pass = .root
            return request
        }
        let access = BucketAccess(request.sender, try await self.bucket(request))
        request.access = access
        // A list of keys to be deleted is looked at key by key.
        guard operation != .deleteObjects else { return request }
        request.pass = try access.pass(
            action,
            authority,
            key: request.addressed.key,
            try request.policyContext
        )
        return request
    }

    /// What is settled about the source of a copy: the same rules as for reading it.
    func sourcePass(
        _ source: CopySource,
        _ request: S3Request
    ) async throws(S3Error) -> Pass {
        guard !request.sender.isRoot else { return .root }
        var subject = request.subject
        subject.source = source
        let bucket: BucketSummary
        if let own = request.access?.bucket, own.name == source.bucket {
            bucket = own
        } else {
            bucket = try await self.ask(subject) { () throws(ClusterError) in
                do throws(ClusterError) {
                    return try await self.store.bucket(source.bucket)
                } catch {
                    guard error.code == .bucketNotFound else { throw error }
                    throw ClusterError(.sourceBucketNotFound, error.operation)
                }
            }
        }
        let hasVersion = source.version != nil
        let (action, authority) = S3Operation.getObject.access(request, hasVersion: hasVersion)
        return try BucketAccess(request.sender, bucket)
            .pass(action, authority, key: source.key, try request.policyContext)
    }

    /// Whether a key of a list may be deleted.
    func checkDeletion(
        of key: ObjectKey,
        hasVersion: Bool,
        _ request: S3Request
    ) throws(S3Error) {
        guard let access = request.access else { return }
        let (action, authority) = S3Operation.deleteObject.access(request, hasVersion: hasVersion)
        _ = try access.pass(action, authority, key: key, try request.policyContext)
    }

    /// The bucket of a request.
    func bucket(_ request: S3Request) async throws(S3Error) -> BucketSummary {
        if let access = request.access { return access.bucket }
        return try await self.ask(request.subject) { () throws(ClusterError) in
            try await self.store.bucket(request.bucket)
        }
    }

    /// Refuses a request that expects other owners.
    private func checkExpectedOwner(_ request: S3Request) async throws(S3Error) {
        for name in ["x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"] {
            guard let expected = request.headers.first(name) else { continue }
            guard expected.utf8.count == 12,
                expected.utf8.allSatisfy({ (0x30...0x39).contains($0) })
            else {
                throw S3Error(
                    .invalidBucketOwner,
                    "The value of the expected bucket owner parameter must be an AWS Account ID... "
                        + "[\(expected)]"
                )
            }
            var bucket = request.bucket
            if name.hasPrefix("x-amz-source"), let text = request.headers.first("x-amz-copy-source")
            {
                bucket = try CopySource(parsing: text).bucket
            }
            let found = try await self.ask(request.subject) { () throws(ClusterError) in
                try await self.store.bucket(bucket)
            }
            let users = await self.credentials.users()
            guard expected == users.owner(found.settings.access.owner).account else {
                throw S3Error(.accessDenied)
            }
        }
    }

    // MARK: - Lists for what is made

    /// The access list of an object that the request makes.
    func newObjectAccess(_ request: S3Request) async throws(S3Error) -> AccessList {
        let headers = try AccessHeaders.read(request.headers)
        var list = AccessList(owner: request.sender.recordID)
        let bucket: BucketSummary
        if let access = request.access {
            bucket = access.bucket
        } else if headers == nil {
            // The root user's own, and nobody else's.
            return list
        } else {
            bucket = try await self.bucket(request)
        }
        let settings = bucket.settings
        switch ObjectOwnership(of: settings) {
        case .enforced:
            try Self.checkEnforced(headers)
            return AccessList(owner: settings.access.owner)
        case .preferred where headers == .canned("bucket-owner-full-control"):
            return AccessList(owner: settings.access.owner)
        case .preferred, .writer: break
        }
        list = try await self.list(
            headers,
            owner: list.owner,
            bucketOwner: settings.access.owner
        )
        try Self.check(list, PublicAccessBlock(of: settings))
        return list
    }

    /// The list that headers describe.
    func list(
        _ headers: AccessHeaders?,
        owner: String,
        bucketOwner: String?
    ) async throws(S3Error) -> AccessList {
        switch headers {
        case nil: return AccessList(owner: owner)
        case .canned(let name):
            return AccessList(owner: owner, grants: Self.grants(name, owner, bucketOwner))
        case .grants(let named): return try await self.list(named, owner: owner)
        }
    }

    /// A list of grants; what it gives the owner is said by the list itself.
    func list(
        _ named: [AccessHeaders.Named],
        owner: String
    ) async throws(S3Error) -> AccessList {
        guard named.count <= Limit.grants else { throw S3Error(.malformedACLError) }
        let users = try await self.users(knowing: named)
        var list = AccessList(owner: owner, isOwnerLimited: true)
        for grant in named {
            guard let grantee = try Self.grantee(grant.name, users) else { continue }
            if grantee == .user(owner), grant.permission == .fullControl {
                list.isOwnerLimited = false
            } else {
                list.grants.append(Grant(grantee, grant.permission))
            }
        }
        return list
    }

    /// The users as they are known here, and anew if somebody among these is not.
    private func users(knowing named: [AccessHeaders.Named]) async throws(S3Error) -> UserDirectory
    {
        let users = await self.credentials.users()
        let isUnknown = named.contains { named in
            guard case .id(let id) = named.name else { return false }
            return id != users.root.id && users.user(id: id) == nil
        }
        guard isUnknown else { return users }
        return try await self.ask(ErrorSubject()) { () throws(ClusterError) in
            try await self.credentials.usersNow()
        }
    }

    /// Nil for those whom nobody is.
    private static func grantee(
        _ name: AccessHeaders.Named.Name,
        _ users: UserDirectory
    ) throws(S3Error) -> Grantee? {
        switch name {
        case .id(let id):
            if id == users.root.id { return .user("") }
            guard users.user(id: id) != nil else {
                throw .invalidArgument("Invalid id", "CanonicalUser/ID", id)
            }
            return .user(id)
        case .email(let email):
            guard let user = users.user(email: email) else {
                throw S3Error(.unresolvableGrantByEmailAddress)
            }
            return .user(user.recordID)
        case .group(GranteeGroup.everybody): return .everybody
        case .group(GranteeGroup.authenticated): return .authenticated
        case .group(GranteeGroup.logDelivery): return nil
        case .group(let uri): throw .invalidArgument("Invalid group uri", "Group/URI", uri)
        }
    }

    private static func grants(
        _ canned: String,
        _ owner: String,
        _ bucketOwner: String?
    ) -> [Grant] {
        switch canned {
        case "public-read": return [Grant(.everybody, .read)]
        case "public-read-write": return [Grant(.everybody, .read), Grant(.everybody, .write)]
        case "authenticated-read": return [Grant(.authenticated, .read)]
        case "bucket-owner-read":
            guard let bucketOwner, bucketOwner != owner else { return [] }
            return [Grant(.user(bucketOwner), .read)]
        case "bucket-owner-full-control":
            guard let bucketOwner, bucketOwner != owner else { return [] }
            return [Grant(.user(bucketOwner), .fullControl)]
        default: return []
        }
    }

    /// Where everything belongs to the bucket's owner, lists can say nothing else.
    static func checkEnforced(_ headers: AccessHeaders?) throws(S3Error) {
        switch headers {
        case nil, .canned("bucket-owner-full-control"): return
        default: throw S3Error(.accessControlListNotSupported)
        }
    }

    static func check(_ list: AccessList, _ block: PublicAccessBlock) throws(S3Error) {
        guard block.blocksPublicAcls, list.isPublic else { return }
        throw S3Error(.accessDenied)
    }
}

extension S3Request {
    /// What conditions of policies may look at.
    var policyContext: PolicyContext {
        get throws(S3Error) {
            var context = PolicyContext()
            context["aws:SourceIp"] = self.exchange.remote?.ipAddress.map { [$0] }
            context["aws:SecureTransport"] = [self.exchange.isSecure ? "true" : "false"]
            context["aws:UserAgent"] = self.headers.first("user-agent").map { [$0] }
            context["aws:Referer"] = self.headers.first("referer").map { [$0] }
            if let user = self.sender.user {
                context["aws:userid"] = [user.id]
                context["aws:username"] = [user.displayName]
                context["aws:PrincipalArn"] = [
                    "arn:aws:iam::\(user.account):user/\(user.displayName)"
                ]
                context["s3:signatureversion"] = ["AWS4-HMAC-SHA256"]
                let isPresigned = self.target.contains("X-Amz-Signature")
                let type = isPresigned ? "REST-QUERY-STRING" : "REST-HEADER"
                context["s3:authType"] = [self.isForm ? "POST" : type]
            }
            for name in ["prefix", "delimiter", "max-keys"] {
                context["s3:\(name)"] = self.target[name].map { [$0] }
            }
            context["s3:VersionId"] = self.target["versionId"].map { [$0] }
            for header in self.headers where header.name.hasPrefix("x-amz-") {
                context["s3:\(header.name)"] = [header.value]
            }
            let tags = try TagSet.read(self.headers)
            if !tags.isEmpty { context["s3:RequestObjectTagKeys"] = tags.map(\.key) }
            for tag in tags { context[PolicyContext.requestTag + tag.key] = [tag.value] }
            return context
        }
    }
}
