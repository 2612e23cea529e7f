import Crypto
package import NIOCore
import NIOHTTP1
package import S3Protocol

/// Speaks S3 to one endpoint, path style, one connection per request.
///
/// For the command line and for tests: it does not retry, and it says what the server said.
package struct S3Client: Sendable {
    package let origin: HTTPOrigin
    private var http: HTTPClient
    private let signer: RequestSigner
    private let now: @Sendable () -> CalendarTime

    /// `now` is the time that is signed; servers refuse one that is off by 15 minutes.
    package init(
        _ origin: HTTPOrigin,
        signer: RequestSigner,
        now: @escaping @Sendable () -> CalendarTime
    ) {
        self.origin = origin
        self.http = HTTPClient(origin)
        self.signer = signer
        self.now = now
    }

    /// Longest time without any byte in either direction; then the request has failed.
    package var silenceMax: TimeAmount {
        get { self.http.silenceMax }
        set { self.http.silenceMax = newValue }
    }

    /// Sends any request whose body and answer are small enough to be held.
    ///
    /// An error that comes after the status 200 is thrown as well.
    package func send(_ request: S3Request) async throws -> S3Answer {
        var left = request.body
        var headers = request.headers
        if request.body != nil || request.method != "GET" {
            let count = request.body?.readableBytes ?? 0
            headers.append(HeaderField("content-length", String(count)))
        }
        func next() -> ByteBuffer? {
            defer { left = nil }
            return left
        }
        let answer = try await self.send(
            request.method,
            RequestTarget(
                path: self.target(request.bucket, request.key).path,
                query: request.query.map { .init(name: $0.0, value: $0.1) }
            ),
            headers,
            payload: request.body == nil ? .empty : .unsigned,
            body: next
        ) { head, body in S3Answer(head, text: try await body.text()) }
        if let failure = S3Failure(status: answer.status, text: answer.text) { throw failure }
        return answer
    }

    // MARK: Buckets

    /// Creates a bucket.
    ///
    /// One that is ours already is fine.
    package func createBucket(_ bucket: String) async throws {
        do {
            try await self.simple("PUT", self.target(bucket))
        } catch let failure as S3Failure where failure.code == "BucketAlreadyOwnedByYou" {}
    }

    package func deleteBucket(_ bucket: String) async throws {
        try await self.simple("DELETE", self.target(bucket))
    }

    /// Names of all buckets, sorted.
    package func buckets() async throws -> [String] {
        let answer = try await self.simple("GET", RequestTarget(path: [0x2F]))
        return XMLText.all("Bucket", in: answer.text).compactMap { XMLText.first("Name", in: $0) }
    }

    // MARK: Objects

    /// Stores `count` bytes that `body` gives part by part.
    ///
    /// With the SHA-256 of the body, if it is known, the server checks what it receives.
    @discardableResult
    package func put(
        _ key: String,
        in bucket: String,
        count: UInt64,
        hash: [UInt8]? = nil,
        headers: [HeaderField] = [],
        body: () async throws -> ByteBuffer?
    ) async throws -> S3Answer {
        try await self.send(
            "PUT",
            self.target(bucket, key),
            headers + [HeaderField("content-length", String(count))],
            payload: hash.map { .sha256($0) } ?? .unsigned,
            body: body
        ) { head, body in S3Answer(head, text: try await body.text()) }
    }

    /// Reads an object, or the part of it that a `range` header asks for.
    package func get<Result: Sendable>(
        _ key: String,
        in bucket: String,
        headers: [HeaderField] = [],
        receive: (S3Answer, inout HTTPAnswerBody) async throws -> Result
    ) async throws -> Result {
        try await self.send("GET", self.target(bucket, key), headers) { head, body in
            try await receive(S3Answer(head, text: ""), &body)
        }
    }

    package func head(_ key: String, in bucket: String) async throws -> S3Answer {
        try await self.simple("HEAD", self.target(bucket, key))
    }

    package func delete(_ key: String, in bucket: String) async throws {
        try await self.simple("DELETE", self.target(bucket, key))
    }

    /// Copies on the server.
    ///
    /// An error that comes after the status 200 is thrown as well.
    @discardableResult
    package func copy(
        _ source: String,
        in sourceBucket: String,
        to target: String,
        in bucket: String,
        headers: [HeaderField] = []
    ) async throws -> S3Answer {
        let path = PercentEncoding.encode("/\(sourceBucket)/\(source)".utf8, escapingSlash: false)
        let answer = try await self.simple(
            "PUT",
            self.target(bucket, target),
            headers + [HeaderField("x-amz-copy-source", path)]
        )
        if let failure = S3Failure(status: answer.status, text: answer.text) { throw failure }
        return answer
    }

    /// One page of keys.
    package func list(
        _ bucket: String,
        prefix: String = "",
        after token: String? = nil
    ) async throws -> (keys: [String], next: String?) {
        var query = [("list-type", "2"), ("prefix", prefix)]
        if let token { query.append(("continuation-token", token)) }
        let target = RequestTarget(
            path: Array("/\(bucket)".utf8),
            query: query.map { .init(name: $0.0, value: $0.1) }
        )
        let text = try await self.simple("GET", target).text
        let keys = XMLText.all("Contents", in: text).compactMap { XMLText.first("Key", in: $0) }
        return (keys: keys, next: XMLText.first("NextContinuationToken", in: text))
    }

    // MARK: Requests

    private func target(_ bucket: String, _ key: String? = nil) -> RequestTarget {
        RequestTarget(path: Array((key.map { "/\(bucket)/\($0)" } ?? "/\(bucket)").utf8))
    }

    /// A request without a body, whose answer is small.
    @discardableResult
    private func simple(
        _ method: String,
        _ target: RequestTarget,
        _ headers: [HeaderField] = []
    ) async throws -> S3Answer {
        let length = method == "PUT" ? [HeaderField("content-length", "0")] : []
        return try await self.send(method, target, headers + length) { head, body in
            S3Answer(head, text: try await body.text())
        }
    }

    private func send<Result: Sendable>(
        _ method: String,
        _ target: RequestTarget,
        _ headers: [HeaderField],
        payload: PayloadHash = .empty,
        body: () async throws -> ByteBuffer? = { nil },
        receive: (HTTPResponseHead, inout HTTPAnswerBody) async throws -> Result
    ) async throws -> Result {
        let signed = self.signer.signed(
            method: method,
            target: target,
            headers: headers + [HeaderField("host", self.origin.description)],
            payload: payload,
            at: self.now()
        )
        let head = HTTPRequestHead(
            version: .http1_1,
            method: HTTPMethod(rawValue: method),
            uri: target.text,
            headers: HTTPHeaders(signed.map { ($0.name, $0.value) })
        )
        return try await self.http.send(head, body: body) { head, body in
            guard (200..<300).contains(head.status.code) else {
                let text = try await body.text(limit: 64 << 10)
                let status = Int(head.status.code)
                var failure = S3Failure(status: status, text: text) ?? S3Failure(status: status)
                failure.retryAfter = head.headers.first(name: "retry-after").flatMap { Int($0) }
                throw failure
            }
            return try await receive(head, &body)
        }
    }
}
