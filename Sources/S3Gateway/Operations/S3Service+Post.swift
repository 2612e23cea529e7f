import Coordinator
import NIOCore
import NIOHTTP1
import S3Protocol
import StoreModel

extension S3Service {
    /// Most bytes of a form besides its file.
    private static let formBytes: UInt64 = 1 << 20

    /// Stores the file of a form.
    ///
    /// Who sends it, and what may be done, is known only when its fields have been read: from there
    /// on it is a PutObject.
    func postObject(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let reader = try Self.reader(of: request)
        let (fields, filename) = try await reader.fields()
        let form = try PostForm(fields, filename: filename)
        request.record.note { $0.key = form.key.description }
        let claim = try FormClaim.find(in: fields, region: self.authenticator.region)
        var sender = Sender.anonymous(.unsigned)
        if let claim {
            sender = try await self.authenticator.authenticate(claim)
            request.record.note { $0.accessKey = claim.accessKey }
            let policy = try PostPolicy(parsing: claim.policy)
            await reader.demand(
                try policy.check(form.fields, bucket: request.bucket, at: self.now)
            )
        }
        let success = try form.success
        let posted = S3Request(
            method: request.method,
            target: request.target,
            headers: try form.headers(of: request),
            addressed: .object(request.bucket, form.key),
            sender: sender,
            exchange: request.exchange,
            record: request.record,
            isForm: true
        )
        let summary = try await self.put(
            reader,
            try await self.admitted(posted, .putObject)
        )
        return Self.answer(success, posted, summary)
    }

    private static func reader(of request: S3Request) throws(S3Error) -> FormReader {
        guard request.sender.user == nil else {
            throw S3Error(
                .invalidArgument,
                "Only one auth mechanism allowed; the signature of a form stands in the form"
            )
        }
        let type = request.headers.first("content-type") ?? ""
        let kind = type.prefix { $0 != ";" }.filter { $0 != " " }
        guard kind.lowercased() == "multipart/form-data" else {
            throw .preconditionFailed(
                "Bucket POST must be of the enclosure-type multipart/form-data"
            )
        }
        let raw = try CheckedBody(
            request.exchange.body,
            BodyChecks(request.headers),
            headers: request.headers,
            sender: request.sender,
            bytesMax: Limit.objectBytes + Self.formBytes,
            // Only the file is counted.
            record: RequestRecord()
        )
        return try FormReader(raw, contentType: type)
    }

    private func put(
        _ reader: FormReader,
        _ request: S3Request
    ) async throws(S3Error) -> ObjectSummary {
        let headers = request.headers
        try RefusedHeaders.check(headers)
        let condition = try TargetCondition(headers)
        let checks = try BodyChecks(headers)
        let put = PutRequest(
            name: request.object,
            metadata: try MetadataHeaders.read(headers),
            storageClass: try StorageClass(headers: headers),
            condition: WriteCondition(condition),
            announcedBytes: nil,
            checksums: checks.checksum.map { [$0] } ?? [],
            tags: try TagSet.read(headers),
            access: try await self.newObjectAccess(request)
        )
        var subject = request.subject
        subject.condition = condition.header
        let body = CheckedBody(file: reader, checks, record: request.record)
        return try await self.ask(subject) { () throws(ClusterError) in
            try await self.store.put(put, body: body)
        }
    }

    private static func answer(
        _ success: PostForm.Success,
        _ request: S3Request,
        _ summary: ObjectSummary
    ) -> S3Answer {
        let key = PercentEncoding.encode(request.object.key.bytes)
        let etag = "\"\(summary.etag)\""
        var headers: HTTPHeaders = ["ETag": etag]
        headers.addNewVersion(summary.name)
        headers.addExpiry(summary.expiry)
        headers.addChecksums(summary.checksums)
        if case .redirect(let url) = success {
            let query = "bucket=\(request.bucket)&key=\(key)&etag=%22\(summary.etag)%22"
            headers.add(name: "Location", value: Self.url(url, adding: query))
            return .empty(.seeOther, headers: headers)
        }
        var path = PercentEncoding.encode(request.target.path, escapingSlash: false)
        if !path.hasSuffix("/") { path += "/" }
        path += key
        let host = request.headers.first("host")
        let location = host.map { "\(request.exchange.scheme)://\($0)\(path)" } ?? path
        headers.add(name: "Location", value: location)
        switch success {
        case .status(201):
            let document = XMLWriter.document("PostResponse", namespace: nil) { writer in
                writer.element("Location", location)
                writer.element("Bucket", request.bucket.text)
                writer.element("Key", request.object.key.description)
                writer.element("ETag", etag)
            }
            headers.add(name: "Content-Type", value: "application/xml")
            return .whole(
                HTTPResponse(
                    .created,
                    headers: headers,
                    body: .bytes(ByteBuffer(bytes: document))
                )
            )
        case .status(200): return .empty(.ok, headers: headers)
        default: return .empty(.noContent, headers: headers)
        }
    }

    /// Adds to the query of a URL; what a URL cannot have is encoded.
    private static func url(_ url: String, adding query: String) -> String {
        let parts = url.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let base = parts[0].contains("?") ? "\(parts[0])&\(query)" : "\(parts[0])?\(query)"
        let whole = parts.count == 2 ? "\(base)#\(parts[1])" : base
        return whole.utf8.map { byte in
            (0x21...0x7E).contains(byte)
                ? String(UnicodeScalar(byte)) : PercentEncoding.encode([byte])
        }.joined()
    }
}
