import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import S3Client
import S3Protocol
import Synchronization

/// Something that keeps the run from going on: no finding about the store.
struct ChaosError: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

/// A node does not become ready, though nothing is in its way.
struct NotReady: Error, CustomStringConvertible {
    let node: Int
    let reason: String

    var description: String { "n\(self.node) is not ready: \(self.reason)" }
}

/// Nodes that are processes of their own, each behind a proxy of its own.
final class ChaosCluster: Sendable {
    struct Ports: Sendable {
        let s3: Int
        let admin: Int
        let peer: Int
        let proxy: Int
    }

    private struct State {
        var processes: [Int: Process] = [:]
        var skews: [Int: Int] = [:]
        /// By id, as the nodes' logs tell it.
        var ids: [String: Int] = [:]
    }

    static let accessKey = "chaos"
    static let secretKey = "chaos-runner-secret-key"
    private static let adminToken = "chaos-runner-admin-token"
    /// What is deleted is gone soon, so that it can be seen whether it is.
    private static let quick = [
        "TRIOLET_TUNING_RELEASE_GRACE": "1s", "TRIOLET_TUNING_SWEEP_INTERVAL": "1s",
        "TRIOLET_TUNING_AUDIT_INTERVAL": "1s", "TRIOLET_TUNING_AUDIT_AGE": "10s",
        "TRIOLET_TUNING_HEAL_INTERVAL": "10s",
    ]

    /// The variable of a setting, as of `s3.requests`.
    private static func variable(_ setting: String) -> String {
        "TRIOLET_" + setting.uppercased().replacing(".", with: "_")
    }

    let binary: String
    let directory: String
    let ports: [Ports]
    let links: Links
    let networks: Networks
    let environment: [String: String]
    private let state = Mutex(State())

    var numbers: ClosedRange<Int> { 1...self.ports.count }

    /// Lays a cluster out; nothing runs yet.
    init(
        _ scenario: Scenario,
        binary: String,
        directory: String,
        environment: [String: String]
    ) async throws {
        self.binary = binary
        self.directory = directory
        self.links = Links()
        self.networks = Networks(scenario, self.links)
        var ports: [Ports] = []
        for _ in 0..<scenario.nodes {
            let free = try await Self.freePorts(4)
            ports.append(Ports(s3: free[0], admin: free[1], peer: free[2], proxy: free[3]))
        }
        self.ports = ports
        self.environment = scenario.settings.reduce(into: environment) { all, setting in
            all[Self.variable(setting.key)] = setting.value
        }
        for number in self.numbers {
            try self.write(number, isSmall: scenario.disks[number] != nil)
        }
    }

    private static func freePorts(_ count: Int) async throws -> [Int] {
        var channels: [any Channel] = []
        for _ in 0..<count {
            channels.append(
                try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .bind(host: "127.0.0.1", port: 0).get()
            )
        }
        let ports = channels.compactMap { $0.localAddress?.port }
        for channel in channels { try await channel.close().get() }
        return ports
    }

    // MARK: Files

    func node(_ number: Int) -> String { self.directory + "/n\(number)" }
    func data(_ number: Int) -> String { self.node(number) + "/data" }
    func log(_ number: Int) -> String { self.node(number) + "/log" }

    /// Where other nodes find one: at its proxy, unless it has a network of its own.
    private func address(_ number: Int) -> String {
        let port = self.ports[number - 1]
        return "\(self.networks.host(number)):\(self.networks.isUsed ? port.peer : port.proxy)"
    }

    private func write(_ number: Int, isSmall: Bool) throws {
        try FileManager.default.createDirectory(
            atPath: self.data(number),
            withIntermediateDirectories: true
        )
        let port = self.ports[number - 1]
        let host = self.networks.host(number)
        let seeds = self.numbers.map { "\"\(self.address($0))\"" }.joined(separator: ", ")
        let small = isSmall ? "tuning: { disk_reserve: 16MiB }\n" : ""
        let settings = """
            node:
              name: n\(number)
              zone: n\(number)
              data: "\(self.data(number))"
              capacity: 1GiB
            s3: { listen: "\(host):\(port.s3)" }
            admin: { listen: "\(host):\(port.admin)", token: "\(Self.adminToken)" }
            peer:
              listen: "\(host):\(port.peer)"
              advertise: "\(self.address(number))"
              seeds: [\(seeds)]
              secret: "chaos-runner-peer-secret"
            root: { access_key: "\(Self.accessKey)", secret_key: "\(Self.secretKey)" }
            log: { format: json }
            \(small)
            """
        let path = self.node(number) + "/triolet.yaml"
        try settings.write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }

    // MARK: Processes

    func isRunning(_ number: Int) -> Bool {
        self.state.withLock { $0.processes[number]?.isRunning ?? false }
    }

    func pid(_ number: Int) -> Int32? {
        self.state.withLock { state in
            state.processes[number].flatMap { $0.isRunning ? $0.processIdentifier : nil }
        }
    }

    /// From its next start on, the node's wall clock is off by so much; its monotonic clock is not.
    func setSkew(_ number: Int, seconds: Int) {
        self.state.withLock { $0.skews[number] = seconds }
    }

    /// Starts a node, unless it runs.
    func start(_ number: Int) throws {
        guard !self.isRunning(number) else { return }
        let log = self.log(number)
        if !FileManager.default.fileExists(atPath: log) {
            _ = FileManager.default.createFile(atPath: log, contents: nil)
        }
        guard let output = FileHandle(forWritingAtPath: log) else {
            throw ChaosError("cannot write \(log)")
        }
        try output.seekToEnd()
        let command = [self.binary, "serve", "--config", self.node(number) + "/triolet.yaml"]
        let arguments = self.networks.prefix(number) + command
        let own = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("TRIOLET_") }
        var environment = own.merging(Self.quick) { $1 }.merging(self.environment) { $1 }
        if let skew = self.state.withLock({ $0.skews[number] }), skew != 0 {
            environment["LD_PRELOAD"] = Disks.clock
            environment["CHAOS_SKEW"] = "\(skew)"
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
        Children.add(process.processIdentifier)
        self.state.withLock { $0.processes[number] = process }
    }

    func send(_ signal: Int32, to number: Int) {
        if let pid = self.pid(number) { _ = kill(pid, signal) }
    }

    /// Waits until the node's process has ended.
    func waitForEnd(_ number: Int, within limit: Duration = .seconds(40)) async throws {
        let deadline = ContinuousClock.now + limit
        while self.isRunning(number) {
            guard ContinuousClock.now < deadline else {
                throw ChaosError("n\(number) does not end")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    func end() async {
        for number in self.numbers { self.send(SIGKILL, to: number) }
        for number in self.numbers { try? await self.waitForEnd(number) }
    }

    // MARK: What is seen of them

    func adminOrigin(_ number: Int) -> HTTPOrigin {
        HTTPOrigin(host: self.networks.host(number), port: self.ports[number - 1].admin)
    }

    /// Asks a node's admin API.
    func admin(
        _ number: Int,
        _ target: String,
        _ method: HTTPMethod = .GET
    ) async throws -> (status: Int, text: String) {
        var client = HTTPClient(self.adminOrigin(number))
        client.silenceMax = .seconds(10)
        var head = HTTPRequestHead(version: .http1_1, method: method, uri: target)
        // In a network of its own, the node is on another machine for us.
        head.headers.add(name: "Authorization", value: "Bearer \(Self.adminToken)")
        return try await client.send(head) { head, body in
            (status: Int(head.status.code), text: try await body.text())
        }
    }

    /// Nil if it is ready; otherwise why not.
    func unreadiness(_ number: Int) async -> String? {
        guard self.isRunning(number) else { return "does not run" }
        do {
            let answer = try await self.admin(number, "/health/ready")
            return answer.status == 200 ? nil : answer.text
        } catch { return "does not answer" }
    }

    /// - Throws: ``NotReady`` if it is not ready in time, or its process has ended.
    func waitUntilReady(_ number: Int, within limit: Duration = .seconds(60)) async throws {
        let deadline = ContinuousClock.now + limit
        while let reason = await self.unreadiness(number) {
            guard self.isRunning(number) else {
                throw NotReady(node: number, reason: "it has ended: \(self.lastWords(number))")
            }
            guard ContinuousClock.now < deadline else {
                throw NotReady(node: number, reason: "\(reason); see \(self.log(number))")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// What the program last said to people; the last line of its log if nothing.
    private func lastWords(_ number: Int) -> String {
        let text = (try? String(contentsOfFile: self.log(number), encoding: .utf8)) ?? ""
        let lines = text.split(separator: "\n")
        return String(lines.last { $0.hasPrefix("triolet: ") } ?? lines.last ?? "nothing")
    }

    func client(_ number: Int, patience: TimeAmount) -> S3Client {
        var client = S3Client(
            HTTPOrigin(host: self.networks.host(number), port: self.ports[number - 1].s3),
            signer: RequestSigner(
                accessKey: Self.accessKey,
                secret: SecretKey(Self.secretKey),
                region: "us-east-1"
            ),
            now: { CalendarTime(seconds: Int64(Date().timeIntervalSince1970)) }
        )
        client.silenceMax = patience
        return client
    }

    /// The sum of all series of that name of one node.
    func metric(_ name: String, of number: Int) async throws -> Double {
        let text = try await self.admin(number, "/metrics").text
        return text.split(separator: "\n").reduce(0) { sum, line in
            guard line.hasPrefix(name + " ") || line.hasPrefix(name + "{"),
                let value = line.split(separator: " ").last.flatMap({ Double($0) })
            else { return sum }
            return sum + value
        }
    }

    /// Runs another of the program's commands to its end.
    func run(_ arguments: [String]) async throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: self.binary)
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        while process.isRunning { try await Task.sleep(for: .milliseconds(20)) }
        let text = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        guard process.terminationStatus == 0 else {
            throw ChaosError("triolet \(arguments.joined(separator: " ")): \(text)")
        }
        return text
    }

    // MARK: Proxies

    /// Serves the links until the task is cancelled.
    func serveLinks(isReady: @Sendable () -> Void) async throws {
        var servers: [(number: Int, server: ChaosProxy.Server)] = []
        for number in self.numbers {
            let port = self.ports[number - 1].proxy
            servers.append((number, try await ChaosProxy.listen(port: port)))
        }
        isReady()
        try await withThrowingDiscardingTaskGroup { group in
            for (number, server) in servers {
                let proxy = ChaosProxy(
                    node: number,
                    target: try SocketAddress(
                        ipAddress: "127.0.0.1",
                        port: self.ports[number - 1].peer
                    ),
                    links: self.links,
                    identify: { await self.number(of: $0) }
                )
                group.addTask { await proxy.serve(server) }
            }
        }
    }

    /// The node with that id, as the logs tell it.
    private func number(of id: String) async -> Int? {
        for _ in 0..<20 {
            if let number = self.state.withLock({ $0.ids[id] }) { return number }
            for number in self.numbers {
                let text = (try? String(contentsOfFile: self.log(number), encoding: .utf8)) ?? ""
                let mark = "\"node.id\":\""
                for range in text.ranges(of: mark) {
                    let found = String(text[range.upperBound...].prefix(32))
                    self.state.withLock { $0.ids[found] = number }
                }
            }
            if let number = self.state.withLock({ $0.ids[id] }) { return number }
            try? await Task.sleep(for: .milliseconds(20))
        }
        return nil
    }
}

/// The processes that we started, and what we made for them: nothing outlives us.
enum Children {
    private static let pids = Mutex<Set<Int32>>([])
    private static let cleanups = Mutex<[@Sendable () -> Void]>([])

    static func add(_ pid: Int32) { _ = self.pids.withLock { $0.insert(pid) } }

    /// Has something done if we are ended from outside; it may have been done already.
    static func atEnd(_ cleanup: @escaping @Sendable () -> Void) {
        self.cleanups.withLock { $0.append(cleanup) }
    }

    static func end() {
        for pid in self.pids.withLock({ $0 }) { _ = kill(pid, SIGKILL) }
        for cleanup in self.cleanups.withLock({ $0 }) { cleanup() }
    }
}
