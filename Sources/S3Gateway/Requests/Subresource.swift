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
        guard case .object = addressed else { return nil }
        switch (method, subresource) {
        case (.POST, "restore"): return "RestoreObject"
        case (.POST, "select"): return "SelectObjectContent"
        default: return nil
        }
    }
}
