import Coordinator
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Runtime
import S3Gateway
import S3Protocol
import ServiceLifecycle
import StoreModel
import Testing

/// A gateway on a free port of this machine, with buckets `src` and `dst` and an object `src/o`.
struct TestServer: Sendable {
    static let accessKey = "AKIAIOSFODNN7EXAMPLE"
    static let secretText = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    static let secret = SecretKey(secretText)
    static let hello = Array("hello world".utf8)
    static let helloETag = "5eb63bbbe01eeed093cb22bb8f5acdc3"
    static let start: UInt64 = 1_700_000_000

    static let owner = Owner(id: "owner-id", displayName: "owner", isRoot: true)
    static let alice = Owner(id: "alice-id", displayName: "alice", account: "111111111111")
    static let bob = Owner(id: "bob-id", displayName: "bob", account: "222222222222")
    static let users = FixedCredentials(
        root: owner,
        [
            accessKey: Credential(secret: secret, owner: owner),
            "AKIAALICE": Credential(secret: secret, owner: alice),
            "AKIABOB": Credential(secret: secret, owner: bob),
        ],
        emails: ["bob-id": "bob@example.com"]
    )

    let port: Int
    /// What the server speaks TLS with.
    let tls: TestCertificate?
    /// The access key of whoever sends; nil sends without a signature.
    var user: String? = accessKey
    let store: MemoryStore
    let now: CalendarTime
    let lines: LogLines
    let services: ServiceGroup

    /// Runs `body` against a server that ends with it.
    static func run<Value: Sendable>(
        at seconds: UInt64 = Self.start,
        _ settings: S3Settings = S3Settings(),
        tls: TestCertificate? = nil,
        credentials: any Credentials = Self.users,
        _ body: (TestServer) async throws -> Value
    ) async throws -> Value {
        let store = MemoryStore(seconds: seconds)
        let lines = LogLines()
        let (ports, started) = AsyncStream.makeStream(of: Int.self)
        let server = S3Server(
            settings: S3Server.Settings(host: "127.0.0.1", port: 0, tls: tls?.server),
            service: S3Service(
                store: store,
                credentials: credentials,
                settings: settings,
                doors: Doors(
                    time: TestTime(seconds: seconds),
                    random: TestRandom(),
                    background: NoBackground(),
                    workers: InlineWorkers()
                ),
                logger: Logger(label: "test") { _ in lines }
            ),
            group: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            listening: { started.yield($0) }
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            let services = ServiceGroup(
                configuration: ServiceGroupConfiguration(
                    services: [server],
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                )
            )
            group.addTask { try await services.run() }
            var port = 0
            for await first in ports {
                port = first
                break
            }
            let test = TestServer(
                port: port,
                tls: tls,
                store: store,
                now: CalendarTime(seconds: Int64(seconds)),
                lines: lines,
                services: services
            )
            try await test.fill()
            let value = try await body(test)
            group.cancelAll()
            return value
        }
    }

    private func fill() async throws {
        for bucket in ["src", "dst", "examplebucket"] {
            #expect(try await self.send("PUT", "/\(bucket)").status == 200)
        }
        let put = try await self.send(
            "PUT",
            "/src/o",
            [
                "Content-Type": "text/plain", "Cache-Control": "max-age=60",
                "Content-Language": "en-US", "x-amz-meta-k1": "v1",
            ],
            body: Self.hello
        )
        #expect(put.status == 200)
    }

    // MARK: Requests

    private var signer: RequestSigner {
        RequestSigner(
            accessKey: self.user ?? "",
            secret: Self.secret,
            region: "us-east-1"
        )
    }

    /// The same server for somebody else.
    func `as`(_ user: String?) -> TestServer {
        var other = self
        other.user = user
        return other
    }

    var host: String { "127.0.0.1:\(self.port)" }

    /// A signed request up to the empty line.
    ///
    /// `unsigned` headers are added behind the signature.
    func head(
        _ method: String,
        _ target: String,
        _ headers: KeyValuePairs<String, String> = [:],
        payload: PayloadHash = .empty,
        length: Int? = nil,
        unsigned: KeyValuePairs<String, String> = [:]
    ) throws -> String {
        var fields = headers.map { HeaderField($0.key, $0.value) }
        fields.append(HeaderField("host", self.host))
        var signed = fields
        if self.user != nil {
            signed = self.signer.signed(
                method: method,
                target: try RequestTarget(parsing: target),
                headers: fields,
                payload: payload,
                at: self.now
            )
        }
        var lines = ["\(method) \(target) HTTP/1.1"] + signed.map { "\($0.name): \($0.value)" }
        lines += unsigned.map { "\($0.key): \($0.value)" }
        if let length { lines.append("content-length: \(length)") }
        return lines.joined(separator: "\r\n") + "\r\n\r\n"
    }

    /// Sends one signed request over a connection of its own.
    func send(
        _ method: String,
        _ target: String,
        _ headers: KeyValuePairs<String, String> = [:],
        body: [UInt8] = [],
        payload: PayloadHash? = nil,
        unsigned: KeyValuePairs<String, String> = [:]
    ) async throws -> RawAnswer {
        let head = try self.head(
            method,
            target,
            headers,
            payload: payload ?? PayloadHash(of: body),
            length: method == "PUT" || method == "POST" || !body.isEmpty ? body.count : nil,
            unsigned: unsigned
        )
        return try await self.exchange(Array(head.utf8) + body, isHead: method == "HEAD")
    }

    /// Sends bytes and reads one answer.
    func exchange(_ bytes: [UInt8], isHead: Bool = false) async throws -> RawAnswer {
        try await RawConnection.with(port: self.port, tls: self.tls) { connection in
            try await connection.send(bytes)
            return try await connection.answer(toHead: isHead)
        }
    }

    func copy(
        _ source: String,
        _ target: String,
        _ headers: KeyValuePairs<String, String> = [:]
    ) async throws -> RawAnswer {
        let all = [("x-amz-copy-source", source)] + headers.map { ($0.key, $0.value) }
        return try await self.send("PUT", target, all)
    }

    /// A request with headers in a list.
    func send(
        _ method: String,
        _ target: String,
        _ headers: [(String, String)]
    ) async throws -> RawAnswer {
        let signed = self.signer.signed(
            method: method,
            target: try RequestTarget(parsing: target),
            headers: headers.map { HeaderField($0.0, $0.1) } + [HeaderField("host", self.host)],
            payload: .empty,
            at: self.now
        )
        let lines =
            ["\(method) \(target) HTTP/1.1"] + signed.map { "\($0.name): \($0.value)" }
            + ["content-length: 0"]
        return try await self.exchange(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8))
    }

    func presigned(_ method: String, _ target: String, expires: Int = 60) throws -> String {
        self.signer.presigned(
            method: method,
            target: try RequestTarget(parsing: target),
            headers: [HeaderField("host", self.host)],
            expires: expires,
            at: self.now
        ).text
    }
}
