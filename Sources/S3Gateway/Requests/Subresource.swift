import NIOHTTP1
import S3Protocol

/// The parameters that make another operation of a request.
enum Subresource {
    static let all: Set<String> = [
        "abac", "accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption",
        "intelligent-tiering", "inventory", "legal-hold", "lifecycle", "location", "logging",
        "metadataConfiguration", "metadataTable", "metrics", "notification", "object-lock",
        "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "renameObject",
        "replication", "requestPayment", "restore", "retention", "select", "session", "tagging",
        "torrent", "uploadId", "uploads", "versioning", "versions", "website",
    ]

    /// Says what is missing, by the name that clients know.
    static func missing(
        _ method: HTTPMethod,
        _ addressed: Addressed,
        _ subresource: String?
    ) -> S3Error {
        if let name = Self.name(method, addressed, subresource) {
            return .notImplemented(name)
        }
        if let subresource {
            return .notImplemented("\(method.rawValue) ?\(subresource)")
        }
        guard [.GET, .HEAD, .PUT, .POST, .DELETE, .OPTIONS].contains(method) else {
            return S3Error(.methodNotAllowed)
        }
        return .notImplemented("\(method.rawValue) of this resource")
    }

    private static func name(
        _ method: HTTPMethod,
        _ addressed: Addressed,
        _ subresource: String?
    ) -> String? {
        guard let subresource else { return nil }
        switch addressed {
        case .service: return nil
        case .bucket:
            if (method, subresource) == (.GET, "session") { return "CreateSession" }
            guard let setting = Self.bucketSettings[subresource] else { return nil }
            if method == .POST, setting.hasPrefix("BucketMetadata") { return "Create\(setting)" }
            return Self.verb(method).map { "\($0)\(setting)" }
        case .object:
            switch (method, subresource) {
            case (.GET, "torrent"): return "GetObjectTorrent"
            case (.POST, "restore"): return "RestoreObject"
            case (.POST, "select"): return "SelectObjectContent"
            case (.GET, "legal-hold"), (.PUT, "legal-hold"):
                return Self.verb(method).map { "\($0)ObjectLegalHold" }
            case (.GET, "retention"), (.PUT, "retention"):
                return Self.verb(method).map { "\($0)ObjectRetention" }
            default: return nil
            }
        }
    }

    private static func verb(_ method: HTTPMethod) -> String? {
        switch method {
        case .GET: "Get"
        case .PUT: "Put"
        case .DELETE: "Delete"
        default: nil
        }
    }

    /// Settings that buckets of S3 have and those of this server have not, or cannot be given.
    private static let bucketSettings: [String: String] = [
        "abac": "BucketAbac", "accelerate": "BucketAccelerateConfiguration",
        "analytics": "BucketAnalyticsConfiguration", "encryption": "BucketEncryption",
        "intelligent-tiering": "BucketIntelligentTieringConfiguration",
        "inventory": "BucketInventoryConfiguration", "logging": "BucketLogging",
        "metadataConfiguration": "BucketMetadataConfiguration",
        "metadataTable": "BucketMetadataTableConfiguration",
        "metrics": "BucketMetricsConfiguration", "notification": "BucketNotificationConfiguration",
        "object-lock": "ObjectLockConfiguration", "replication": "BucketReplication",
        "requestPayment": "BucketRequestPayment", "website": "BucketWebsite",
    ]
}
