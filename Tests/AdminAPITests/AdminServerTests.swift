import CoreMetrics
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import S3Client
import ServiceLifecycle
import Synchronization
import Testing

@testable import AdminAPI

/// A cluster of one node that is ready when the test says so.
final class FixedSource: AdminSource {
    let isReady = Mutex(true)
    let started = Mutex<[HealingWork]>([])
    let changes = Mutex<[RingChange]>([])

    func readiness() async -> Readiness {
        self.isReady.withLock { $0 } ? .ready : .notReady("no layout yet")
    }

    func cluster() async -> ClusterReport {
        ClusterReport(
            version: "1",
            node: "n1",
            epoch: 4,
            nodes: [
                NodeReport(
                    id: "00",
                    name: "n1",
                    zone: "z",
                    address: "a:1",
                    capacityBytes: 9,
                    up: true
                )
            ]
        )
    }

    func ring() async -> RingReport {
        RingReport(epoch: 4, state: .stable, nodes: [], partitions: [[0], [0]], system: [0])
    }

    func change(_ change: RingChange) async throws(AdminRefusal) -> RingOutcome {
        self.changes.withLock { $0.append(change) }
        switch change.add {
        case "slow": return RingOutcome(isDone: false, report: await self.ring())
        case "strange": throw AdminRefusal(.unknown, "no waiting node is strange")
        case "second": throw AdminRefusal(.conflict, "a change is under way")
        case "alone": throw AdminRefusal(.unavailable, "no majority")
        case nil where change.remove == nil && change.replace == nil:
            throw AdminRefusal(.invalid, "name one")
        default: return RingOutcome(isDone: true, report: await self.ring())
        }
    }

    func refreshMetrics() async {}

    func copies() async -> CopiesReport {
        var copies = ["00a1", "00b2", "f0c3"].map {
            CopiesReport.Copy(id: $0, source: "src/o", target: "dst/\($0)", state: .running)
        }
        copies[1].chunks = 8
        copies[1].chunksDone = 3
        copies[1].nodes = [.init(id: "00", name: "n1", chunks: 3, bytesMoved: 12)]
        return CopiesReport(copies: copies)
    }

    func healing() async -> HealingReport {
        var report = HealingReport()
        report.repair.copiesMissing = 7
        report.scrub.bytesTotal = 4_096
        report.scrub.running = self.started.withLock { $0.contains(.scrub) }
        return report
    }

    func start(_ work: HealingWork) async { self.started.withLock { $0.append(work) } }
}

struct AdminServerTests {
    /// Runs a server on a free port while `body` runs.
    private func withServer(
        _ body: (HTTPClient, FixedSource) async throws -> Void
    ) async throws {
        let source = FixedSource()
        let registry = MetricsRegistry()
        registry.makeCounter(label: "things_total", dimensions: []).increment(by: 2)
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let server = AdminServer(
            settings: .init(host: "127.0.0.1", port: 0),
            source: source,
            registry: registry,
            logger: Logger(label: "test"),
            listening: { port.yield($0) }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            try await body(HTTPClient(HTTPOrigin(host: "127.0.0.1", port: port)), source)
            group.cancelAll()
        }
    }

    @Test("Ready says 200 or 503 with the reason; live says 200 whatever happens")
    func health() async throws {
        try await self.withServer { client, source in
            #expect(try await client.get("/health/live").status == 200)
            #expect(try await client.get("/health/ready").status == 200)
            source.isReady.withLock { $0 = false }
            let answer = try await client.get("/health/ready")
            #expect(answer.status == 503)
            #expect(answer.text == "not ready: no layout yet\n")
            #expect(try await client.get("/health/live").status == 200)
        }
    }

    @Test("A round and a pass are begun by POST, and GET says how they stand")
    func repairs() async throws {
        try await self.withServer { client, source in
            let before = try await client.get("/v1/repairs").text
            for part in ["\"copies_missing\":7", "\"bytes_total\":4096", "\"running\":false"] {
                #expect(before.contains(part))
            }
            for work in HealingWork.allCases {
                let head = HTTPRequestHead(
                    version: .http1_1,
                    method: .POST,
                    uri: "/v1/repairs/\(work)",
                    headers: ["Content-Length": "0"]
                )
                let status = try await client.send(head) { head, _ in Int(head.status.code) }
                #expect(status == 202)
            }
            #expect(source.started.withLock { $0 } == [.repair, .scrub])
            #expect(try await client.get("/v1/repairs/scrub").text.contains("\"running\":true"))
            #expect(try await client.get("/v1/repairs/repair").status == 200)
            #expect(try await client.get("/v1/repairs/other").status == 404)
        }
    }

    @Test("Copies are listed with their progress, and found by the first digits of their ids")
    func copies() async throws {
        try await self.withServer { client, _ in
            let all = try await client.get("/v1/copies")
            #expect(all.status == 200)
            for part in [
                #""source":"src\/o""#, #""target":"dst\/f0c3""#, "\"state\":\"running\"",
                "\"chunks_done\":3", "\"bytes_moved\":12", "\"name\":\"n1\"",
            ] { #expect(all.text.contains(part)) }
            for (id, status) in [
                ("00b2", 200), ("00B", 200), ("f", 200), ("00", 404), ("1", 404),
            ] {
                #expect(try await client.get("/v1/copies/\(id)").status == status)
            }
            let one = try await client.get("/v1/copies/00b").text
            #expect(one.contains("\"chunks\":8") && !one.contains("f0c3"))
        }
    }

    @Test("A change of the layout is answered when it is done, with 202 or with the reason")
    func ring() async throws {
        try await self.withServer { client, source in
            let cases: [(body: String, status: Int, part: String)] = [
                (#"{"add":"n4"}"#, 200, "\"state\":\"stable\""),
                (#"{"replace":{"old":"n2"}}"#, 200, "\"epoch\":4"),
                (#"{"replace":{"old":"n2","new":"n5"}}"#, 200, "\"epoch\":4"),
                (#"{"add":"slow"}"#, 202, "\"epoch\":4"),
                (#"{"add":"strange"}"#, 404, "no waiting node is strange"),
                (#"{"add":"second"}"#, 409, "under way"),
                (#"{"add":"alone"}"#, 503, "no majority"),
                ("{}", 400, "name one"),
                ("nonsense", 400, ""),
            ]
            for (text, status, part) in cases {
                let head = HTTPRequestHead(
                    version: .http1_1,
                    method: .POST,
                    uri: "/v1/ring/change",
                    headers: ["Content-Length": "\(text.utf8.count)"]
                )
                var parts = [ByteBuffer(string: text)]
                let answer = try await client.send(head) {
                    parts.popLast()
                } receive: { head, body in
                    (status: Int(head.status.code), text: try await body.text())
                }
                #expect(answer.status == status)
                #expect(part.isEmpty || answer.text.contains(part))
            }
            let replaced = source.changes.withLock { $0.compactMap(\.replace) }
            #expect(replaced == [.init(old: "n2", new: nil), .init(old: "n2", new: "n5")])
        }
    }

    @Test("Metrics and reports are served to clients of this machine")
    func reports() async throws {
        try await self.withServer { client, _ in
            let metrics = try await client.get("/metrics")
            #expect(metrics.status == 200)
            #expect(metrics.text.contains("triolet_things_total 2\n"))
            let cluster = try await client.get("/v1/cluster").text
            for part in ["\"epoch\":4", "\"nodes_up\":1", "\"ready\":true"] {
                #expect(cluster.contains(part))
            }
            #expect(try await client.get("/v1/nodes").text.contains("\"capacity_bytes\":9"))
            #expect(try await client.get("/v1/ring").text.contains("\"partitions\":[[0],[0]]"))
            #expect(try await client.get("/v1/unknown").status == 404)
        }
    }
}

struct AdminAccessTests {
    @Test("Whoever prints a server, or takes it apart, does not print its token")
    func hidden() {
        let settings = AdminServer.Settings(host: "127.0.0.1", port: 0, token: "t0ken")
        var text = "\(settings) \(String(reflecting: settings)) \(settings.token as Any)"
        dump(settings, to: &text)
        #expect(!text.contains("t0ken"))
        #expect(settings.token?.text == "t0ken")
    }

    @Test("From outside only the token opens the door; from inside nothing is needed")
    func access() {
        func mayEnter(_ header: String?, isLocal: Bool, token: String?) -> Bool {
            var headers = HTTPFields()
            if let header { headers[.authorization] = header }
            return AdminAccess.mayEnter(headers, isLocal: isLocal, token: token)
        }
        #expect(mayEnter(nil, isLocal: true, token: nil))
        #expect(mayEnter(nil, isLocal: true, token: "secret"))
        #expect(mayEnter("Bearer secret", isLocal: false, token: "secret"))
        for wrong in [nil, "", "secret", "Bearer ", "Bearer secreT", "Bearer secret2"] {
            #expect(!mayEnter(wrong, isLocal: false, token: "secret"))
        }
        #expect(!mayEnter("Bearer ", isLocal: false, token: ""))
        #expect(!mayEnter("Bearer x", isLocal: false, token: nil))
    }

    @Test("Lines of the kernel's status file are read as bytes")
    func statusLines() {
        let status = "Name:\ttriolet\nVmHWM:\t   43400 kB\nVmRSS:\t   33124 kB\n"
        #expect(ProcessMetrics.bytes("VmRSS", in: status) == 33_124 << 10)
        #expect(ProcessMetrics.bytes("VmHWM", in: status) == 43_400 << 10)
        #expect(ProcessMetrics.bytes("VmSwap", in: status) == nil)
        #expect(ProcessMetrics.bytes("Name", in: status) == nil)
    }
}
