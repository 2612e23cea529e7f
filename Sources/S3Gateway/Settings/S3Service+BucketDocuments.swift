import Coordinator
import NIOCore
import NIOHTTP1
import S3Protocol
import StoreModel

/// The settings of a bucket that clients give and read as documents.
enum BucketDocuments {
    private static let kinds: [String: BucketDocument.Kind] = [
        "cors": .cors, "lifecycle": .lifecycle, "ownershipControls": .ownershipControls,
        "policy": .policy, "publicAccessBlock": .publicAccessBlock, "tagging": .tagging,
    ]

    /// The document that a subresource is.
    static func kind(of subresource: String) -> BucketDocument.Kind? { Self.kinds[subresource] }

    /// What is kept of a document, once it has been found to be right.
    static func kept(
        _ kind: BucketDocument.Kind,
        _ body: [UInt8],
        _ headers: [HeaderField],
        of bucket: BucketSummary
    ) throws(S3Error) -> [UInt8] {
        switch kind {
        case .cors: return try CORSRules(parsing: body).document
        case .ownershipControls:
            let ownership = try ObjectOwnership(parsing: body)
            if ownership == .enforced, !bucket.settings.access.grants.isEmpty {
                throw S3Error(.invalidBucketAclWithObjectOwnership)
            }
            return Array(ownership.rawValue.utf8)
        case .policy:
            let policy = try BucketPolicy(parsing: body, bucket: bucket.name.text)
            if policy.isPublic, PublicAccessBlock(of: bucket.settings).blocksPublicPolicy {
                throw S3Error(.accessDenied)
            }
            return body
        case .publicAccessBlock: return try PublicAccessBlock(parsing: body).document
        case .tagging:
            let tags = try TagSet.read(document: body, max: TagSet.bucketTagsMax)
            return TagSet.document(tags)
        case .lifecycle: return try LifecycleDocument.read(body, headers).encoded
        }
    }

    /// A kept document as it is shown.
    static func answer(_ kind: BucketDocument.Kind, _ kept: [UInt8]) -> S3Answer {
        switch kind {
        case .policy:
            .whole(
                HTTPResponse(
                    .ok,
                    headers: ["Content-Type": "application/json"],
                    body: .bytes(ByteBuffer(bytes: kept))
                )
            )
        case .ownershipControls:
            .xml(
                (ObjectOwnership(rawValue: String(decoding: kept, as: UTF8.self)) ?? .writer)
                    .document
            )
        case .lifecycle: Self.lifecycle(kept)
        default: .xml(kept)
        }
    }

    private static func lifecycle(_ kept: [UInt8]) -> S3Answer {
        // It was checked when it was set.
        let rules = (try? LifecycleRules(decoding: kept)) ?? LifecycleRules([])
        return .xml(
            LifecycleDocument.document(rules),
            headers: LifecycleDocument.headers(rules)
        )
    }

    /// What is told of a setting once it is made.
    static func headers(afterSetting kind: BucketDocument.Kind, _ kept: [UInt8]) -> HTTPHeaders {
        guard kind == .lifecycle, let rules = try? LifecycleRules(decoding: kept) else {
            return [:]
        }
        return LifecycleDocument.headers(rules)
    }

    /// Longest body of a setting, in bytes.
    static func bytesMax(_ kind: BucketDocument.Kind) -> Int {
        switch kind {
        case .policy: BucketPolicy.bytesMax
        case .lifecycle: LifecycleDocument.bytesMax
        default: Limit.bucketDocumentBytes
        }
    }

    static func status(afterSetting kind: BucketDocument.Kind) -> HTTPResponseStatus {
        kind == .policy || kind == .tagging ? .noContent : .ok
    }
}

extension S3Service {
    func setBucketConfiguration(_ request: S3Request) async throws(S3Error) -> S3Answer {
        guard let kind = request.bucketDocument else {
            preconditionFailure("The router promised a setting.")
        }
        let body = try await request.wholeBody(bytesMax: BucketDocuments.bytesMax(kind))
        let kept = try BucketDocuments.kept(
            kind,
            body,
            request.headers,
            of: try await self.bucket(request)
        )
        guard kept.count <= Limit.bucketDocumentBytes else {
            throw S3Error(.maxMessageLengthExceeded)
        }
        try await self.set(kind, kept, request)
        return .empty(
            BucketDocuments.status(afterSetting: kind),
            headers: BucketDocuments.headers(afterSetting: kind, kept)
        )
    }

    func deleteBucketConfiguration(_ request: S3Request) async throws(S3Error) -> S3Answer {
        guard let kind = request.bucketDocument else {
            preconditionFailure("The router promised a setting.")
        }
        try await self.set(kind, nil, request)
        return .empty(.noContent)
    }

    private func set(
        _ kind: BucketDocument.Kind,
        _ bytes: [UInt8]?,
        _ request: S3Request
    ) async throws(S3Error) {
        try await self.ask(request.subject) { () throws(ClusterError) in
            try await self.store.set(.document(kind, bytes), of: request.bucket)
        }
    }

    /// Whether everybody may do something with the bucket, by its list or its policy.
    func policyStatus(_ bucket: BucketSummary) -> S3Answer {
        let settings = bucket.settings
        let policy = settings[.policy].flatMap {
            try? BucketPolicy(parsing: $0, bucket: bucket.name.text)
        }
        let block = PublicAccessBlock(of: settings)
        let isPublic =
            settings.access.isPublic && !block.ignoresPublicAcls
            || policy?.isPublic == true && !block.restrictsPublicBuckets
        let document = XMLWriter.document("PolicyStatus") { writer in
            writer.element("IsPublic", isPublic ? "true" : "false")
        }
        return .xml(document)
    }
}

extension S3Request {
    /// The document of the bucket that the request is about.
    var bucketDocument: BucketDocument.Kind? {
        self.target.query.lazy.compactMap { BucketDocuments.kind(of: $0.name) }.first
    }
}
