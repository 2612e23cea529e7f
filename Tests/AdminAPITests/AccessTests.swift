import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import S3Client
import ServiceLifecycle
import Synchronization
import Testing

@testable import AdminAPI

/// One key and one bucket.
final class FixedAccess: AccessAdmin {
    static let secret = "never-shown-again"

    let changes = Mutex<[GrantChange]>([])

    private static let user = KeyReport.User(id: "alice-id", name: "alice", account: "000000000001")
    private static let report = KeyReport(
        id: "TRIO1",
        name: "laptop",
        user: user,
        source: .cluster,
        created: 1_700_000_000
    )

    func keys() async throws(AdminRefusal) -> KeyList { KeyList(keys: [Self.report]) }

    func key(_ name: String) async throws(AdminRefusal) -> KeyReport {
        guard name == "TRIO1" else { throw AdminRefusal(.unknown, "there is no key \(name)") }
        return Self.report
    }

    func createKey(_ request: KeyRequest) async throws(AdminRefusal) -> NewKey {
        switch request.user {
        case "root": throw AdminRefusal(.invalid, "not root")
        case "taken": throw AdminRefusal(.conflict, "there already")
        case "late": throw AdminRefusal(.unavailable, "too few nodes")
        default: return NewKey(key: Self.report, secretKey: Self.secret)
        }
    }

    func deleteKey(_ name: String) async throws(AdminRefusal) -> KeyReport {
        try await self.key(name)
    }

    func change(_ change: GrantChange) async throws(AdminRefusal) -> GrantReport {
        self.changes.withLock { $0.append(change) }
        let given = change.permissions
        return GrantReport(
            bucket: change.bucket,
            user: Self.user,
            read: given.read == true,
            write: given.write == true,
            owner: given.owner == true
        )
    }

    func buckets() async throws(AdminRefusal) -> BucketList {
        BucketList(buckets: [try await self.bucket("photos")])
    }

    func bucket(_ name: String) async throws(AdminRefusal) -> BucketReport {
        guard name == "photos" else { throw AdminRefusal(.unknown, "there is no such bucket") }
        return BucketReport(
            name: name,
            created: 1_700_000_000,
            owner: Self.user,
            versioning: "enabled",
            settings: ["policy"]
        )
    }

    func createBucket(_ request: BucketRequest) async throws(AdminRefusal) -> BucketReport {
        try await self.bucket(request.name)
    }

    func deleteBucket(_ name: String) async throws(AdminRefusal) { _ = try await self.bucket(name) }
}

struct AccessTests {
    /// Sends a request to the port of a server; the body says that it is JSON unless `type` does.
    private struct Caller {
        let client: HTTPClient
        var headers: HTTPHeaders = [:]

        func send(
            _ method: HTTPMethod,
            _ target: String,
            _ body: String = "",
            type: String = "application/json"
        ) async throws -> (status: Int, text: String, headers: HTTPHeaders) {
            var headers = self.headers
            headers.add(name: "Content-Length", value: "\(body.utf8.count)")
            if !type.isEmpty { headers.add(name: "Content-Type", value: type) }
            let head = HTTPRequestHead(
                version: .http1_1,
                method: method,
                uri: target,
                headers: headers
            )
            var parts = body.isEmpty ? [] : [ByteBuffer(string: body)]
            return try await self.client.send(head) {
                parts.popLast()
            } receive: { head, body in
                (Int(head.status.code), try await body.text(), head.headers)
            }
        }
    }

    private func withServer(
        token: String? = nil,
        _ body: (Caller, FixedAccess) async throws -> Void
    ) async throws {
        let access = FixedAccess()
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let server = AdminServer(
            settings: .init(host: "127.0.0.1", port: 0, token: token),
            source: FixedSource(),
            access: access,
            registry: MetricsRegistry(),
            logger: Logger(label: "test"),
            listening: { port.yield($0) }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            try await body(
                Caller(client: HTTPClient(HTTPOrigin(host: "127.0.0.1", port: port))),
                access
            )
            group.cancelAll()
        }
    }

    @Test("A secret is in the answer to its creation, and in no other")
    func keys() async throws {
        try await self.withServer { caller, _ in
            let new = try await caller.send(.POST, "/v1/keys", #"{"user":"alice"}"#)
            #expect(new.status == 201 && new.text.contains(FixedAccess.secret))
            #expect(new.headers["cache-control"] == ["no-store"])
            for (method, target) in [
                (HTTPMethod.GET, "/v1/keys"), (.GET, "/v1/keys/TRIO1"), (.DELETE, "/v1/keys/TRIO1"),
            ] {
                let answer = try await caller.send(method, target)
                #expect(answer.status == 200 && answer.text.contains("\"name\":\"alice\""))
                #expect(!answer.text.contains("secret"))
            }
            let printed =
                "\(NewKey(key: try await FixedAccess().key("TRIO1"), secretKey: "s3cret"))"
            #expect(!printed.contains("s3cret"))
        }
    }

    @Test("What is not done is answered with the reason")
    func refusals() async throws {
        try await self.withServer { caller, _ in
            for (body, status, part) in [
                (#"{"user":"root"}"#, 400, "not root"),
                (#"{"user":"taken"}"#, 409, "there already"),
                (#"{"user":"late"}"#, 503, "too few nodes"), ("nonsense", 400, ""),
                (#"{"user":7}"#, 400, ""),
            ] {
                let answer = try await caller.send(.POST, "/v1/keys", body)
                #expect(answer.status == status)
                #expect(part.isEmpty || answer.text.contains(part))
            }
            for target in ["/v1/keys/none", "/v1/buckets/none"] {
                #expect(try await caller.send(.GET, target).status == 404)
                #expect(try await caller.send(.DELETE, target).status == 404)
            }
        }
    }

    @Test("Permissions are given by PUT and taken by DELETE, one by one or all")
    func grants() async throws {
        try await self.withServer { caller, access in
            let path = "/v1/keys/TRIO1/grants/photos"
            let given = try await caller.send(.PUT, path, #"{"read":true,"owner":false}"#)
            #expect(given.status == 200)
            #expect(given.text.contains("\"read\":true") && given.text.contains("\"owner\":false"))
            #expect(try await caller.send(.DELETE, path + "?permissions=write,owner").status == 200)
            #expect(try await caller.send(.DELETE, path).status == 200)
            #expect(try await caller.send(.DELETE, path + "?permissions=all").status == 400)
            let expected: [(gives: Bool, GrantPermissions)] = [
                (true, GrantPermissions(read: true, owner: false)),
                (false, GrantPermissions(write: true, owner: true)), (false, .all),
            ]
            let changes = expected.map { gives, permissions in
                GrantChange(key: "TRIO1", bucket: "photos", gives: gives, permissions: permissions)
            }
            #expect(access.changes.withLock { $0 } == changes)
        }
    }

    @Test("Buckets are listed, shown, created and deleted")
    func buckets() async throws {
        try await self.withServer { caller, _ in
            for (method, target, body, status) in [
                (HTTPMethod.GET, "/v1/buckets", "", 200), (.GET, "/v1/buckets/photos", "", 200),
                (.POST, "/v1/buckets", #"{"name":"photos","owner":"TRIO1"}"#, 201),
                (.DELETE, "/v1/buckets/photos", "", 204),
            ] {
                let answer = try await caller.send(method, target, body)
                #expect(answer.status == status)
                #expect(status == 204 || answer.text.contains("\"versioning\":\"enabled\""))
            }
        }
    }

    @Test("Where there is a token, it is needed on this machine, too; for what is older it is not")
    func token() async throws {
        try await self.withServer(token: "t0ken") { caller, _ in
            let older = try await caller.send(.GET, "/v1/ring").status
            #expect(older == 200)
            for target in ["/v1/keys", "/v1/keys/TRIO1", "/v1/buckets", "/v1/buckets/photos"] {
                #expect(try await caller.send(.GET, target).status == 401)
                var entitled = caller
                entitled.headers = ["Authorization": "Bearer t0ken"]
                #expect(try await entitled.send(.GET, target).status == 200)
            }
            #expect(try await caller.send(.POST, "/v1/keys", "{}").status == 401)
        }
    }

    @Test("A page in a browser of this machine makes no key: a plain form is no JSON")
    func forms() async throws {
        try await self.withServer { caller, _ in
            for type in ["", "text/plain", "application/x-www-form-urlencoded"] {
                #expect(try await caller.send(.POST, "/v1/keys", "{}", type: type).status == 415)
            }
            let type = "application/json; charset=utf-8"
            let taken = try await caller.send(.POST, "/v1/keys", "{}", type: type).status
            #expect(taken == 201)
        }
    }
}
