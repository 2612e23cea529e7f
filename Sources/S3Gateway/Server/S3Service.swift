package import Coordinator
package import Logging
import NIOCore
import NIOHTTP1
package import Runtime
import S3Protocol
import StoreModel
import Synchronization

/// Answers S3 requests from an object store.
package struct S3Service: HTTPResponder {
    let store: any ObjectStore
    let settings: S3Settings
    let doors: Doors
    let credentials: any Credentials
    let authenticator: S3Authenticator
    private let instruments: S3Instruments
    private let logger: Logger

    package init(
        store: any ObjectStore,
        credentials: any Credentials,
        settings: S3Settings,
        doors: Doors,
        logger: Logger
    ) {
        self.store = store
        self.settings = settings
        self.doors = doors
        self.credentials = credentials
        self.authenticator = S3Authenticator(
            credentials: credentials,
            region: settings.acceptsAnyRegion ? nil : settings.region
        )
        self.instruments = S3Instruments()
        self.logger = logger
    }

    var now: CalendarTime {
        CalendarTime(seconds: Int64(self.doors.time.wallMicroseconds / 1_000_000))
    }

    package func answer(_ exchange: HTTPExchange) async {
        guard let head = exchange.head else { return }
        let started = self.doors.time.nanoseconds
        let record = RequestRecord()
        let identity = ResponseIdentity(self.doors.random)
        let inFlight = self.instruments.begin()
        defer { self.instruments.end() }
        do throws(S3Error) {
            guard inFlight <= self.settings.limits.requestsMax else { throw S3Error(.slowDown) }
            let request = try await self.read(head, exchange, record)
            do throws(S3Error) {
                try await self.perform(request, identity)
            } catch {
                let headers = await self.corsHeaders(request)
                await self.refuse(exchange, error, identity, record, headers)
            }
        } catch {
            await self.refuse(exchange, error, identity, record)
        }
        let duration = self.doors.time.nanoseconds - started
        self.instruments.count(record.noted, nanoseconds: duration)
        self.log(exchange, record.noted, identity, nanoseconds: duration)
    }

    package func refusal(of end: ConnectionEnd) -> HTTPResponse? {
        let error: S3Error
        switch end {
        case .malformed: error = S3Error(.badRequest, "The request is not well-formed HTTP.")
        case .headerTooLarge: error = S3Error(.requestHeaderSectionTooLarge)
        case .headerTooSlow: error = S3Error(.requestTimeout)
        case .closed, .idle, .bodyTooSlow, .answerNotRead, .stopping: return nil
        }
        return self.response(error, ResponseIdentity(self.doors.random), resource: "")
    }

    // MARK: From the head to the answer

    private func read(
        _ head: HTTPRequestHead,
        _ exchange: HTTPExchange,
        _ record: RequestRecord
    ) async throws(S3Error) -> S3Request {
        let headers = head.headers.map { HeaderField($0.name, $0.value) }
        let hosts = headers.filter { $0.name == "host" }
        guard hosts.count <= 1, hosts.count == 1 || head.version == .http1_0 else {
            throw S3Error(.badRequest, "A request has one Host header.")
        }
        guard !head.hasUnclearLength else {
            throw S3Error(.badRequest, "A request has one length.")
        }
        let target = try RequestTarget(parsing: head.uri)
        let sender: Sender
        if head.method == .OPTIONS {
            // Browsers ask without any credentials.
            sender = .anonymous(.unsigned)
        } else {
            sender = try await self.authenticator.authenticate(
                SignableRequest(method: head.method.rawValue, target: target, headers: headers),
                at: self.now
            )
        }
        if case .user(let verified, _) = sender {
            record.note { $0.accessKey = verified.accessKey }
        }
        let addressed = try Addressed(
            path: target.path,
            host: hosts.first?.value,
            domains: self.settings.domains
        )
        record.note {
            $0.bucket = addressed.bucket?.text
            $0.key = addressed.key?.description
        }
        return S3Request(
            method: head.method,
            target: target,
            headers: headers,
            addressed: addressed,
            sender: sender,
            exchange: exchange,
            record: record
        )
    }

    private func perform(
        _ request: S3Request,
        _ identity: ResponseIdentity
    ) async throws(S3Error) {
        let operation = try S3Operation(
            request.method,
            request.target,
            request.addressed,
            headers: request.headers
        )
        request.record.note { $0.operation = operation.rawValue }
        let request = try await self.admitted(request, operation)
        try RefusedHeaders.check(request.headers)
        switch try await self.answer(operation, request, identity) {
        case .sent(let bytes, let error):
            request.record.note {
                $0.status = 200
                $0.bytesOut = bytes
                $0.error = error?.code.rawValue
            }
        case .whole(var response):
            self.complete(&response, identity)
            response.headers.add(contentsOf: await self.corsHeaders(request))
            await self.send(response, on: request.exchange, request.record)
        }
    }

    private func answer(
        _ operation: S3Operation,
        _ request: S3Request,
        _ identity: ResponseIdentity
    ) async throws(S3Error) -> S3Answer {
        switch operation {
        case .listBuckets: try await self.listBuckets(request)
        case .createBucket: try await self.createBucket(request)
        case .headBucket: try await self.headBucket(request)
        case .deleteBucket: try await self.deleteBucket(request)
        case .getBucketLocation: try await self.bucketLocation(request)
        case .getBucketVersioning: try await self.bucketVersioning(request)
        case .putBucketVersioning: try await self.setBucketVersioning(request)
        case .getBucketConfiguration: try await self.bucketConfiguration(request)
        case .getBucketAcl, .getObjectAcl: try await self.accessControl(request)
        case .putBucketAcl, .putObjectAcl: try await self.setAccessControl(request)
        case .listObjects: try await self.listObjects(request)
        case .listObjectsV2: try await self.listObjectsV2(request)
        case .listObjectVersions: try await self.listObjectVersions(request)
        case .deleteObjects: try await self.deleteObjects(request)
        case .putObject: try await self.putObject(request)
        case .postObject: try await self.postObject(request)
        case .copyObject: try await self.copyObject(request, identity)
        case .renameObject: try await self.renameObject(request)
        case .getObject: try await self.getObject(request)
        case .headObject: try await self.getObject(request)
        case .deleteObject: try await self.deleteObject(request)
        case .getObjectAttributes: try await self.objectAttributes(request)
        case .getObjectTagging: try await self.objectTagging(request)
        case .putObjectTagging: try await self.setObjectTagging(request)
        case .deleteObjectTagging: try await self.deleteObjectTagging(request)
        case .setBucketConfiguration: try await self.setBucketConfiguration(request)
        case .deleteBucketConfiguration: try await self.deleteBucketConfiguration(request)
        case .preflight: try await self.preflight(request)
        case .createMultipartUpload: try await self.createUpload(request)
        case .uploadPart: try await self.uploadPart(request)
        case .uploadPartCopy: try await self.uploadPartCopy(request, identity)
        case .completeMultipartUpload: try await self.completeUpload(request, identity)
        case .abortMultipartUpload: try await self.abortUpload(request)
        case .listParts: try await self.listParts(request)
        case .listMultipartUploads: try await self.listUploads(request)
        }
    }

    // MARK: Sending

    private func send(
        _ response: HTTPResponse,
        on exchange: HTTPExchange,
        _ record: RequestRecord
    ) async {
        record.note { $0.status = Int(response.status.code) }
        do {
            let bytes = try await exchange.send(response)
            record.note { $0.bytesOut = bytes }
        } catch {
            // The connection has been reset; the client knows no more than that.
            record.note {
                $0.error = "ConnectionReset"
                $0.cause = "\(error)"
            }
        }
    }

    private func refuse(
        _ exchange: HTTPExchange,
        _ error: S3Error,
        _ identity: ResponseIdentity,
        _ record: RequestRecord,
        _ headers: HTTPHeaders = [:]
    ) async {
        record.note { $0.error = error.code.rawValue }
        let path = exchange.head.map { $0.uri.prefix { $0 != "?" } } ?? ""
        var response = self.response(error, identity, resource: String(path))
        response.headers.add(contentsOf: headers)
        await self.send(response, on: exchange, record)
    }

    private func response(
        _ error: S3Error,
        _ identity: ResponseIdentity,
        resource: String
    ) -> HTTPResponse {
        var response = HTTPResponse(HTTPResponseStatus(statusCode: error.status))
        if error.code != .notModified {
            response.headers.add(name: "Content-Type", value: "application/xml")
            response.body = .bytes(
                ByteBuffer(
                    bytes: error.document(
                        resource: resource,
                        requestID: identity.requestID,
                        hostID: identity.hostID
                    )
                )
            )
        }
        for header in error.headers {
            response.headers.add(name: header.name, value: header.value)
        }
        if error.isOverload {
            // In seconds for everybody, and in milliseconds for the SDKs of AWS: since 2026 they
            // try again after 50 ms unless told otherwise.
            response.headers.add(name: "Retry-After", value: "1")
            response.headers.add(name: "x-amz-retry-after", value: "1000")
        }
        self.complete(&response, identity)
        return response
    }

    /// Adds what every answer carries.
    private func complete(_ response: inout HTTPResponse, _ identity: ResponseIdentity) {
        for (name, value) in self.commonHeaders(identity) {
            response.headers.replaceOrAdd(name: name, value: value)
        }
    }

    func commonHeaders(_ identity: ResponseIdentity) -> HTTPHeaders {
        [
            "x-amz-request-id": identity.requestID,
            "x-amz-id-2": identity.hostID,
            "Date": self.now.httpDate,
            "Server": self.settings.serverName,
        ]
    }

    private func log(
        _ exchange: HTTPExchange,
        _ fields: RequestRecord.Fields,
        _ identity: ResponseIdentity,
        nanoseconds: UInt64
    ) {
        let line = RequestLine(
            fields: fields,
            requestID: identity.requestID,
            milliseconds: nanoseconds / 1_000_000,
            remote: exchange.remote.flatMap(Self.text),
            userAgent: exchange.head?.headers.first(name: "user-agent")
        )
        self.logger.info("request", metadata: ["request": .stringConvertible(line)])
    }

    private static func text(_ address: SocketAddress) -> String? {
        guard let host = address.ipAddress, let port = address.port else { return nil }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
