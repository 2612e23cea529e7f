import AdminAPI
import Coordinator
import S3Gateway
import StoreModel

extension NodeAccess {
    /// How often a change of grants is tried again that has met another change of the policy.
    private static let attemptsMax = 10

    func buckets() async throws(AdminRefusal) -> BucketList {
        let roster = try await self.roster()
        let buckets = try await self.asking { () throws(ClusterError) in
            try await self.store.buckets()
        }
        return BucketList(buckets: buckets.map { BucketReport($0, roster) })
    }

    func bucket(_ name: String) async throws(AdminRefusal) -> BucketReport {
        let bucket = try await self.summary(of: try Self.bucketName(name, .unknown))
        let roster = try await self.roster()
        var report = BucketReport(bucket, roster)
        report.grants = Self.grants(of: bucket, roster)
        return report
    }

    func createBucket(_ request: BucketRequest) async throws(AdminRefusal) -> BucketReport {
        let name = try Self.bucketName(request.name, .invalid)
        var owner = ""
        if let key = request.owner {
            let found = try await self.roster().key(key)
            owner = found.source == .root ? "" : found.user.id
        }
        let settings = BucketSettings(access: AccessList(owner: owner))
        try await self.asking { () throws(ClusterError) in
            try await self.store.createBucket(name, settings: settings)
        }
        return try await self.bucket(request.name)
    }

    func deleteBucket(_ name: String) async throws(AdminRefusal) {
        let name = try Self.bucketName(name, .unknown)
        try await self.asking { () throws(ClusterError) in
            try await self.store.deleteBucket(name)
        }
    }

    func change(_ change: GrantChange) async throws(AdminRefusal) -> GrantReport {
        let permissions = change.permissions.list
        guard !permissions.isEmpty else {
            throw AdminRefusal(.invalid, "say which permissions: read, write, owner")
        }
        let name = try Self.bucketName(change.bucket, .unknown)
        let key = try await self.roster().key(change.key)
        guard key.source != .root else {
            throw AdminRefusal(.invalid, "\(key.id) is the root key, which may do everything")
        }
        for _ in 0..<Self.attemptsMax {
            let policy = try await self.summary(of: name).settings[.policy]
            let changed: BucketSetting
            do throws(BucketGrants.Refusal) {
                var grants = try BucketGrants(policy: policy, of: name)
                let before = grants.permissions(of: key.user.id)
                if change.gives {
                    try grants.grant(permissions, to: key.user.id)
                } else {
                    try grants.revoke(permissions, of: key.user.id)
                }
                let after = grants.permissions(of: key.user.id)
                if after == before { return GrantReport(change.bucket, key.user, after) }
                changed = .replacement(.policy, of: policy, by: try grants.policy(of: name))
            } catch { throw AdminRefusal(error) }
            // Whether it still was that policy shows the next look at it.
            try await self.asking { () throws(ClusterError) in
                try await self.store.set(changed, of: name)
            }
        }
        throw AdminRefusal(
            .unavailable,
            "others change the bucket's policy all the time: try again"
        )
    }

    private func summary(of name: BucketName) async throws(AdminRefusal) -> BucketSummary {
        try await self.asking { () throws(ClusterError) in try await self.store.bucket(name) }
    }

    private static func bucketName(
        _ text: String,
        _ kind: AdminRefusal.Kind
    ) throws(AdminRefusal) -> BucketName {
        guard let name = BucketName(text) else {
            throw AdminRefusal(kind, "\(text) is no name of a bucket")
        }
        return name
    }

    /// What users have been granted; nothing where the policy cannot be read.
    static func grants(of bucket: BucketSummary, _ roster: KeyRoster) -> [GrantReport] {
        guard let grants = try? BucketGrants(policy: bucket.settings[.policy], of: bucket.name)
        else { return [] }
        return grants.users.map { id in
            GrantReport(bucket.name.text, roster.user(id), grants.permissions(of: id))
        }
    }
}

extension BucketReport {
    init(_ bucket: BucketSummary, _ roster: KeyRoster) {
        let kinds = BucketDocument.Kind.allCases.filter { bucket.settings[$0] != nil }
        self.init(
            name: bucket.name.text,
            created: Double(bucket.created.microseconds) / 1e6,
            owner: roster.user(bucket.settings.access.owner),
            versioning: "\(bucket.settings.versioning)",
            settings: kinds.map { "\($0)" }
        )
    }
}

extension GrantReport {
    init(_ bucket: String, _ user: KeyReport.User, _ permissions: [BucketGrants.Permission]) {
        self.init(
            bucket: bucket,
            user: user,
            read: permissions.contains(.read),
            write: permissions.contains(.write),
            owner: permissions.contains(.owner)
        )
    }
}

extension GrantPermissions {
    fileprivate var list: [BucketGrants.Permission] {
        var list: [BucketGrants.Permission] = []
        if self.read == true { list.append(.read) }
        if self.write == true { list.append(.write) }
        if self.owner == true { list.append(.owner) }
        return list
    }
}

extension AdminRefusal {
    fileprivate init(_ refusal: BucketGrants.Refusal) {
        switch refusal {
        case .unreadable:
            self.init(.conflict, "the bucket's policy cannot be read: set a new one by S3 first")
        case .foreign(let sid):
            self.init(
                .conflict,
                "the bucket's policy has a statement \(sid) that says something else: give it "
                    + "another Sid"
            )
        case .tooLong:
            self.init(.conflict, "the bucket's policy would be too long: revoke other grants first")
        }
    }
}
