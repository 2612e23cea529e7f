import Hummingbird

/// A bucket: `GET /v1/buckets/NAME`.
package struct BucketReport: Hashable, Sendable, Codable {
    package var name: String
    /// In seconds since 1970.
    package var created: Double
    package var owner: KeyReport.User
    /// `never`, `enabled` or `suspended`.
    package var versioning: String
    /// Settings that are there: `policy`, `cors`, `lifecycle`, ...
    package var settings: [String]
    /// What administrators have granted; null in lists.
    package var grants: [GrantReport]?

    package init(
        name: String,
        created: Double,
        owner: KeyReport.User,
        versioning: String,
        settings: [String],
        grants: [GrantReport]? = nil
    ) {
        self.name = name
        self.created = created
        self.owner = owner
        self.versioning = versioning
        self.settings = settings
        self.grants = grants
    }
}

/// `GET /v1/buckets`.
package struct BucketList: Hashable, Sendable, Codable {
    package var buckets: [BucketReport]

    package init(buckets: [BucketReport]) { self.buckets = buckets }
}

/// The bucket that is wanted: the body of `POST /v1/buckets`.
package struct BucketRequest: Hashable, Sendable, Codable {
    package var name: String
    /// A key of the user who is to own it; nil for the root user.
    package var owner: String?

    package init(name: String, owner: String? = nil) {
        self.name = name
        self.owner = owner
    }
}

extension BucketReport: ResponseCodable {}
extension BucketList: ResponseCodable {}
