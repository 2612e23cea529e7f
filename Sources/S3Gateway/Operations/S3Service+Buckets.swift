import Coordinator
import NIOHTTP1
import S3Protocol
import StoreModel

extension S3Service {
    func listBuckets(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let page = try BucketPage(request.target)
        let buckets = try await self.ask(ErrorSubject()) { () throws(ClusterError) in
            try await self.store.buckets()
        }
        // Who else has buckets is nobody's business but the root user's.
        .filter { request.sender.isRoot || $0.settings.access.owner == request.sender.recordID }
        let (shown, next) = page.select(from: buckets)
        let document = XMLWriter.document("ListAllMyBucketsResult") { writer in
            writer.owner(request.sender.user ?? self.credentials.root)
            writer.element("Buckets") { writer in
                for bucket in shown {
                    writer.element("Bucket") { writer in
                        writer.element("Name", bucket.name.text)
                        writer.element("CreationDate", bucket.created.calendarTime.iso8601)
                    }
                }
            }
            writer.element("Prefix", ifPresent: request.target["prefix"])
            writer.element("ContinuationToken", ifPresent: next)
        }
        return .xml(document)
    }

    /// Creating a bucket again succeeds in us-east-1 and fails elsewhere, as it does with S3.
    func createBucket(_ request: S3Request) async throws(S3Error) -> S3Answer {
        try self.checkLocation(try await request.wholeBody(bytesMax: 64 << 10))
        let settings = try await self.newBucketSettings(request)
        do throws(S3Error) {
            try await self.ask(request.subject) { () throws(ClusterError) in
                try await self.store.createBucket(request.bucket, settings: settings)
            }
        } catch  where error.code == .bucketAlreadyOwnedByYou {
            let owner = try await self.bucket(request).settings.access.owner
            guard owner == request.sender.recordID else {
                throw S3Error(.bucketAlreadyExists, nil, error.elements)
            }
            // As S3 does it there; clients rely on it and create the bucket before each upload.
            guard self.settings.region == "us-east-1" else { throw error }
        }
        return .empty(.ok, headers: ["Location": "/\(request.bucket)"])
    }

    /// What the headers say of a bucket that is created.
    private func newBucketSettings(
        _ request: S3Request
    ) async throws(S3Error) -> BucketSettings {
        let owner = request.sender.recordID
        let headers = try AccessHeaders.read(request.headers)
        var settings = BucketSettings(
            access: try await self.list(headers, owner: owner, bucketOwner: nil)
        )
        guard let text = request.headers.first("x-amz-object-ownership") else { return settings }
        guard let ownership = ObjectOwnership(rawValue: text) else {
            throw .invalidArgument(
                "Invalid x-amz-object-ownership header",
                "x-amz-object-ownership",
                text
            )
        }
        if ownership == .enforced, headers != nil, !settings.access.grants.isEmpty {
            throw S3Error(.invalidBucketAclWithObjectOwnership)
        }
        settings[.ownershipControls] = Array(ownership.rawValue.utf8)
        return settings
    }

    private func checkLocation(_ body: [UInt8]) throws(S3Error) {
        guard !body.isEmpty else { return }
        let node = try XMLNode(parsing: body)
        guard node.name == "CreateBucketConfiguration" else { throw S3Error(.malformedXML) }
        for child in node.children where child.name != "LocationConstraint" {
            // An empty list of tags asks for nothing.
            guard child.name == "Tags", child.children.isEmpty else {
                throw .notImplemented("\(child.name) in CreateBucketConfiguration")
            }
        }
        guard
            !self.settings.acceptsAnyRegion, let region = node["LocationConstraint"],
            !region.isEmpty, region != self.settings.region
        else { return }
        throw S3Error(
            .illegalLocationConstraint,
            "The \(region) location constraint is incompatible for the region specific endpoint "
                + "this request was sent to."
        )
    }

    func headBucket(_ request: S3Request) async throws(S3Error) -> S3Answer {
        try await self.checkBucket(request)
        return .empty(.ok, headers: ["x-amz-bucket-region": self.settings.region])
    }

    /// Deletes a bucket without versions; what was begun in it and has not become one goes with it.
    ///
    /// As in S3: tools that empty a bucket do not look for open uploads.
    func deleteBucket(_ request: S3Request) async throws(S3Error) -> S3Answer {
        do throws(S3Error) {
            try await self.removeBucket(request)
        } catch  where error.code == .bucketNotEmpty {
            guard try await self.abortUploadsOfEmptyBucket(request) else { throw error }
            try await self.removeBucket(request)
        }
        return .empty(.noContent)
    }

    private func removeBucket(_ request: S3Request) async throws(S3Error) {
        try await self.ask(request.subject) { () throws(ClusterError) in
            try await self.store.deleteBucket(request.bucket)
        }
    }

    /// Returns false, and does nothing, if the bucket has a version or a delete marker.
    private func abortUploadsOfEmptyBucket(_ request: S3Request) async throws(S3Error) -> Bool {
        let bucket = request.bucket
        return try await self.ask(request.subject) { () throws(ClusterError) in
            let versions = try await self.store.listVersions(
                ListVersionsRequest(bucket: bucket, limit: 1)
            )
            guard versions.entries.isEmpty else { return false }
            for _ in 0..<Self.pagesOfUploads {
                let page = try await self.store.listUploads(
                    ListUploadsRequest(bucket: bucket, limit: Limit.listEntries)
                )
                for case .upload(let key, let upload) in page.entries {
                    let name = UploadName(ObjectName(bucket, key), upload.id)
                    do throws(ClusterError) {
                        try await self.store.abortUpload(name)
                    } catch  where error.code == .uploadNotFound {
                        continue
                    }
                }
                if page.next == nil { break }
            }
            return true
        }
    }

    /// How many pages of uploads one request aborts; with more, the bucket is told to be not empty,
    /// and a repetition goes on.
    private static var pagesOfUploads: Int { 10 }

    func bucketLocation(_ request: S3Request) async throws(S3Error) -> S3Answer {
        try await self.checkBucket(request)
        // us-east-1 is told as nothing. Source: S3 API Reference, "GetBucketLocation".
        let region = self.settings.region == "us-east-1" ? "" : self.settings.region
        var writer = XMLWriter()
        writer.element("LocationConstraint", attributes: [("xmlns", XMLWriter.namespace)], region)
        return .xml(writer.bytes)
    }

    func bucketConfiguration(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let bucket = try await self.bucket(request)
        if let kind = request.bucketDocument, let document = bucket.settings[kind] {
            return BucketDocuments.answer(kind, document)
        }
        if request.target.contains("policyStatus") { return self.policyStatus(bucket) }
        for item in request.target.query {
            switch BucketConfiguration.answers[item.name] {
            case nil: continue
            case .missing(let code):
                throw S3Error(code, nil, [.init("BucketName", request.bucket.text)])
            case .value(let root, let element):
                let document = XMLWriter.document(root) { writer in
                    if let element { writer.element(element.name, element.text) }
                }
                return .xml(document)
            }
        }
        preconditionFailure("The router promised a configuration.")
    }

    /// Throws if the bucket does not exist.
    func checkBucket(_ request: S3Request) async throws(S3Error) {
        _ = try await self.bucket(request)
    }

    /// The same where the store looks for something that the sender may not know of.
    func ask<Value: Sendable>(
        _ subject: ErrorSubject,
        veiledBy pass: Pass,
        _ work: () async throws(ClusterError) -> Value
    ) async throws(S3Error) -> Value {
        do throws(S3Error) {
            return try await self.ask(subject, work)
        } catch { throw pass.veiled(error) }
    }

    /// Asks the store, and says what it answers the way S3 does.
    func ask<Value: Sendable>(
        _ subject: ErrorSubject,
        _ work: () async throws(ClusterError) -> Value
    ) async throws(S3Error) -> Value {
        do throws(ClusterError) {
            return try await work()
        } catch {
            throw S3Error(error, about: subject)
        }
    }
}

/// The part of the list of buckets that is asked for.
private struct BucketPage {
    let prefix: String
    let limit: Int
    let after: String

    init(_ target: RequestTarget) throws(S3Error) {
        self.prefix = target["prefix"] ?? ""
        if let text = target["max-buckets"] {
            guard let limit = Int(text), (1...10_000).contains(limit) else {
                throw .invalidArgument("max-buckets must be 1 to 10000.", "max-buckets", text)
            }
            self.limit = limit
        } else {
            self.limit = 10_000
        }
        if let token = target["continuation-token"], !token.isEmpty {
            self.after = String(decoding: try ContinuationToken.bytes(token), as: UTF8.self)
        } else {
            self.after = ""
        }
    }

    func select(from buckets: [BucketSummary]) -> ([BucketSummary], next: String?) {
        let matching = buckets.filter { bucket in
            bucket.name.text.hasPrefix(self.prefix)
                && self.after.utf8.lexicographicallyPrecedes(bucket.name.text.utf8)
        }
        let shown = Array(matching.prefix(self.limit))
        guard matching.count > shown.count, let last = shown.last else { return (shown, nil) }
        return (shown, ContinuationToken.text(Array(last.name.text.utf8)))
    }
}

extension S3Request {
    var subject: ErrorSubject {
        ErrorSubject(
            bucket: self.addressed.bucket?.text,
            key: self.addressed.key?.description,
            version: self.target["versionId"],
            method: self.method.rawValue
        )
    }
}

extension HybridTime {
    var calendarTime: CalendarTime { CalendarTime(seconds: Int64(self.seconds)) }
}

extension XMLWriter {
    mutating func owner(_ owner: Owner, as name: String = "Owner") {
        self.element(name) { writer in
            writer.element("ID", owner.id)
            writer.element("DisplayName", owner.displayName)
        }
    }
}
