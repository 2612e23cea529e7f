import NIOHTTP1
import S3Protocol

/// What a request asks for.
///
/// Everything that is not here is told to be missing, by name: a client must never take the answer
/// to another question for its own.
enum S3Operation: String, CaseIterable {
    case listBuckets = "ListBuckets"
    case createBucket = "CreateBucket"
    case headBucket = "HeadBucket"
    case deleteBucket = "DeleteBucket"
    case getBucketLocation = "GetBucketLocation"
    case getBucketVersioning = "GetBucketVersioning"
    case putBucketVersioning = "PutBucketVersioning"
    case getBucketAcl = "GetBucketAcl"
    case putBucketAcl = "PutBucketAcl"
    case getBucketConfiguration = "GetBucketConfiguration"
    case setBucketConfiguration = "PutBucketConfiguration"
    case deleteBucketConfiguration = "DeleteBucketConfiguration"
    /// A browser asks what a page of another site may do.
    case preflight = "Preflight"
    case listObjects = "ListObjects"
    case listObjectsV2 = "ListObjectsV2"
    case listObjectVersions = "ListObjectVersions"
    case deleteObjects = "DeleteObjects"
    case putObject = "PutObject"
    /// A form with a file.
    case postObject = "PostObject"
    case copyObject = "CopyObject"
    case renameObject = "RenameObject"
    case getObject = "GetObject"
    case headObject = "HeadObject"
    case deleteObject = "DeleteObject"
    case getObjectAcl = "GetObjectAcl"
    case putObjectAcl = "PutObjectAcl"
    case getObjectAttributes = "GetObjectAttributes"
    case getObjectTagging = "GetObjectTagging"
    case putObjectTagging = "PutObjectTagging"
    case deleteObjectTagging = "DeleteObjectTagging"
    case createMultipartUpload = "CreateMultipartUpload"
    case uploadPart = "UploadPart"
    case uploadPartCopy = "UploadPartCopy"
    case completeMultipartUpload = "CompleteMultipartUpload"
    case abortMultipartUpload = "AbortMultipartUpload"
    case listParts = "ListParts"
    case listMultipartUploads = "ListMultipartUploads"

    /// Parameters that the operation understands.
    private var parameters: Set<String> {
        switch self {
        case .listBuckets: ["max-buckets", "continuation-token", "prefix", "bucket-region"]
        case .listObjects: ["prefix", "delimiter", "marker", "max-keys", "encoding-type"]
        case .listObjectsV2:
            [
                "list-type", "prefix", "delimiter", "max-keys", "encoding-type",
                "continuation-token", "start-after", "fetch-owner",
            ]
        case .listObjectVersions:
            [
                "prefix", "delimiter", "key-marker", "version-id-marker", "max-keys",
                "encoding-type",
            ]
        case .getObject, .headObject:
            Self.overrides.union(["versionId", "partNumber"])
        case .deleteObject, .getObjectAcl, .putObjectAcl, .getObjectTagging, .putObjectTagging,
            .deleteObjectTagging, .getObjectAttributes:
            ["versionId"]
        case .uploadPart, .uploadPartCopy: ["partNumber"]
        case .listParts: ["max-parts", "part-number-marker", "encoding-type"]
        case .listMultipartUploads:
            [
                "prefix", "delimiter", "key-marker", "upload-id-marker", "max-uploads",
                "encoding-type",
            ]
        default: []
        }
    }

    static let overrides: Set<String> = [
        "response-content-type", "response-content-language", "response-expires",
        "response-cache-control", "response-content-disposition", "response-content-encoding",
    ]

    /// Finds the operation.
    init(
        _ method: HTTPMethod,
        _ target: RequestTarget,
        _ addressed: Addressed,
        headers: [HeaderField]
    ) throws(S3Error) {
        if method == .OPTIONS {
            self = .preflight
            return
        }
        let isCopy = headers.first("x-amz-copy-source") != nil
        let subresources = target.query.map(\.name).filter { Subresource.all.contains($0) }
        guard Set(subresources).count <= 1 || subresources.contains("uploadId") else {
            throw .notImplemented("The combination \(subresources.joined(separator: " and "))")
        }
        let subresource = subresources.contains("uploadId") ? "uploadId" : subresources.first
        guard
            let operation = try Self.find(method, addressed, subresource, target, isCopy: isCopy)
        else {
            throw Subresource.missing(method, addressed, subresource)
        }
        guard !isCopy || operation == .copyObject || operation == .uploadPartCopy else {
            throw .invalidArgument(
                "You can only specify a copy source header for copy requests.",
                "x-amz-copy-source",
                headers.first("x-amz-copy-source") ?? ""
            )
        }
        let known = operation.parameters
        for item in target.query where item.name != subresource {
            // Names that begin with x- are the client's own, or of the signature.
            if item.name.lowercased().hasPrefix("x-") || known.contains(item.name) { continue }
            throw .notImplemented("The parameter \(item.name) of \(operation.rawValue)")
        }
        self = operation
    }

    private static func find(
        _ method: HTTPMethod,
        _ addressed: Addressed,
        _ subresource: String?,
        _ target: RequestTarget,
        isCopy: Bool
    ) throws(S3Error) -> S3Operation? {
        switch addressed {
        case .service:
            guard subresource == nil else { return nil }
            guard method == .GET else { throw S3Error(.methodNotAllowed) }
            return .listBuckets
        case .bucket: return try Self.ofBucket(method, subresource, target)
        case .object: return Self.ofObject(method, subresource, isCopy: isCopy)
        }
    }

    private static func ofBucket(
        _ method: HTTPMethod,
        _ subresource: String?,
        _ target: RequestTarget
    ) throws(S3Error) -> S3Operation? {
        switch (method, subresource) {
        case (.GET, nil):
            guard let type = target["list-type"] else { return .listObjects }
            guard type == "2" else {
                throw .invalidArgument("Invalid List Type specified", "list-type", type)
            }
            return .listObjectsV2
        case (.GET, "location"): return .getBucketLocation
        case (.GET, "acl"): return .getBucketAcl
        case (.GET, "versioning"): return .getBucketVersioning
        case (.GET, "versions"): return .listObjectVersions
        case (.PUT, "versioning"): return .putBucketVersioning
        case (.GET, "uploads"): return .listMultipartUploads
        case (.GET, .some(let name)):
            return BucketConfiguration.answers[name] == nil ? nil : .getBucketConfiguration
        case (.PUT, nil): return .createBucket
        case (.PUT, "acl"): return .putBucketAcl
        case (.PUT, .some(let name)):
            return BucketDocuments.kind(of: name) == nil ? nil : .setBucketConfiguration
        case (.DELETE, .some(let name)):
            return BucketDocuments.kind(of: name) == nil ? nil : .deleteBucketConfiguration
        case (.HEAD, nil): return .headBucket
        case (.DELETE, nil): return .deleteBucket
        case (.POST, nil): return .postObject
        case (.POST, "delete"): return .deleteObjects
        default: return nil
        }
    }

    private static func ofObject(
        _ method: HTTPMethod,
        _ subresource: String?,
        isCopy: Bool
    ) -> S3Operation? {
        switch (method, subresource) {
        case (.GET, nil): .getObject
        case (.GET, "acl"): .getObjectAcl
        case (.GET, "attributes"): .getObjectAttributes
        case (.GET, "tagging"): .getObjectTagging
        case (.PUT, "tagging"): .putObjectTagging
        case (.DELETE, "tagging"): .deleteObjectTagging
        case (.HEAD, nil): .headObject
        case (.PUT, nil): isCopy ? .copyObject : .putObject
        case (.PUT, "acl"): .putObjectAcl
        case (.PUT, "renameObject"): .renameObject
        case (.DELETE, nil): .deleteObject
        case (.POST, "uploads"): .createMultipartUpload
        case (.PUT, "uploadId"): isCopy ? .uploadPartCopy : .uploadPart
        case (.POST, "uploadId"): .completeMultipartUpload
        case (.DELETE, "uploadId"): .abortMultipartUpload
        case (.GET, "uploadId"): .listParts
        default: nil
        }
    }
}
