import Glibc
import S3Protocol

/// One client: a connection, and the operations with their checks.
///
/// Used by one thread at a time.
final class LoadClient {
    private var connection: LoadConnection
    private var text: RequestText
    private let pool: ContentPool
    var chance: Chance

    init(_ origin: LoadOrigin, _ identity: LoadIdentity, _ pool: ContentPool, seed: UInt64) {
        self.connection = LoadConnection(origin)
        self.text = RequestText(identity, host: origin.description)
        self.pool = pool
        self.chance = Chance(seed: seed)
    }

    func open() throws(LoadError) { try self.connection.open() }

    // MARK: Objects

    func put(_ path: String, _ content: Content) throws(LoadError) {
        _ = try self.send(
            LoadRequest(method: "PUT", path: path, bodyBytes: content.bytes),
            content
        )
    }

    /// Reads an object and checks every byte; `checksum` is that of its content.
    func get(_ path: String, bytes: UInt64, checksum: UInt32) throws(LoadError) {
        let answer = try self.send(LoadRequest(method: "GET", path: path), use: .check)
        guard answer.bodyBytes == bytes, answer.checksum == checksum else {
            throw LoadError(
                "WRONG BYTES: \(path) has \(answer.bodyBytes) bytes of \(bytes),"
                    + " CRC-32C \(answer.checksum), not \(checksum)"
            )
        }
    }

    func head(_ path: String, bytes: UInt64) throws(LoadError) {
        let answer = try self.send(LoadRequest(method: "HEAD", path: path))
        guard answer.contentLength == bytes else {
            throw LoadError("HEAD \(path): \(answer.contentLength ?? 0) bytes, not \(bytes)")
        }
    }

    func delete(_ path: String) throws(LoadError) {
        _ = try self.send(LoadRequest(method: "DELETE", path: path))
    }

    func copy(_ source: String, to target: String, isIndependent: Bool) throws(LoadError) {
        var request = LoadRequest(method: "PUT", path: target, bodyBytes: 0)
        request.headers = [(name: "x-amz-copy-source", value: source)]
        if isIndependent {
            request.headers.append((name: "x-triolet-copy-mode", value: "independent"))
        }
        let answer = try self.send(request, use: .keep)
        guard element("ETag", in: answer.text) != nil else {
            throw LoadError("COPY to \(target): status 200, but no ETag: \(answer.text)")
        }
    }

    // MARK: Buckets and uploads

    func createBucket(_ path: String) throws(LoadError) {
        _ = try self.send(LoadRequest(method: "PUT", path: path, bodyBytes: 0), unless: 409)
    }

    func deleteBucket(_ path: String) throws(LoadError) {
        _ = try self.send(LoadRequest(method: "DELETE", path: path), unless: 404)
    }

    func startUpload(_ path: String) throws(LoadError) -> String {
        let request = LoadRequest(method: "POST", path: path, query: "uploads=", bodyBytes: 0)
        guard let id = element("UploadId", in: try self.send(request, use: .keep).text) else {
            throw LoadError("POST \(path): no UploadId")
        }
        return PercentEncoding.encode(id.utf8)
    }

    /// Copies an object whole into a part; `upload` is what ``startUpload`` gave.
    ///
    /// - Returns: the part's ETag.
    func copyPart(
        _ number: Int,
        of upload: String,
        to path: String,
        source: (path: String, bytes: UInt64)
    ) throws(LoadError) -> String {
        var request = LoadRequest(method: "PUT", path: path, bodyBytes: 0)
        request.query = "partNumber=\(number)&uploadId=\(upload)"
        request.headers = [
            (name: "x-amz-copy-source", value: source.path),
            (name: "x-amz-copy-source-range", value: "bytes=0-\(source.bytes - 1)"),
        ]
        let answer = try self.send(request, use: .keep)
        guard let etag = element("ETag", in: answer.text) else {
            throw LoadError("part \(number) of \(path): status 200, but no ETag: \(answer.text)")
        }
        return etag
    }

    func completeUpload(_ path: String, _ upload: String, etags: [String]) throws(LoadError) {
        var body = "<CompleteMultipartUpload>"
        for (index, etag) in etags.enumerated() {
            body += "<Part><PartNumber>\(index + 1)</PartNumber><ETag>\(etag)</ETag></Part>"
        }
        body += "</CompleteMultipartUpload>"
        let bytes = Array(body.utf8)
        var request = LoadRequest(method: "POST", path: path, bodyBytes: UInt64(bytes.count))
        request.query = "uploadId=\(upload)"
        _ = try self.send(request, document: bytes, use: .keep)
    }

    func abortUpload(_ path: String, _ upload: String) throws(LoadError) {
        _ = try self.send(
            LoadRequest(method: "DELETE", path: path, query: "uploadId=\(upload)")
        )
    }

    func list(
        _ bucket: String,
        prefix: String,
        isDelimited: Bool,
        after token: String?
    ) throws(LoadError) -> ListedPage {
        var request = LoadRequest(method: "GET", path: bucket)
        if let token { request.query = "continuation-token=\(PercentEncoding.encode(token.utf8))&" }
        if isDelimited { request.query += "delimiter=%2F&" }
        request.query += "list-type=2&max-keys=1000&prefix=\(PercentEncoding.encode(prefix.utf8))"
        return try ListedPage(try self.send(request, use: .keep).body)
    }

    // MARK: Requests

    /// Sends a request; an answer that is no success is an error, except for the status `unless`.
    ///
    /// A success that carries an error in its body, as those of copies may, is none.
    private func send(
        _ request: LoadRequest,
        _ content: Content? = nil,
        document: [UInt8] = [],
        use: LoadConnection.Use = .skip,
        unless status: Int = 0
    ) throws(LoadError) -> LoadAnswer {
        let answer = try self.connection.exchange(
            self.text.head(request, at: Int64(time(nil))) + document,
            content.map { (pool: self.pool, content: $0) },
            isHead: request.method == "HEAD",
            use: use
        )
        if answer.status == status { return answer }
        guard (200..<300).contains(answer.status) else {
            throw LoadError(
                "\(request.method) \(request.path): \(answer.status) \(answer.text.prefix(300))"
            )
        }
        if use == .keep, answer.body.count < 64 << 10, answer.text.contains("<Error>") {
            throw LoadError(
                "\(request.method) \(request.path): an error in a 200: \(answer.text.prefix(300))"
            )
        }
        return answer
    }
}
