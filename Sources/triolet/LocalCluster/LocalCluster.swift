import Foundation
import NIOCore
import S3Client

/// Several nodes on this machine, each a process of its own.
struct LocalCluster: Sendable {
    let directory: ClusterDirectory
    let plan: ClusterPlan
    let root: NodeConfiguration.RootKey

    /// Opens the cluster of a directory.
    static func open(_ directory: ClusterDirectory) throws -> LocalCluster {
        guard let data = FileManager.default.contents(atPath: directory.plan) else {
            throw Failure("no cluster in \(directory.path); start one with: triolet cluster up")
        }
        let plan: ClusterPlan
        do {
            plan = try JSONDecoder().decode(ClusterPlan.self, from: data)
        } catch { throw Failure("cannot read \(directory.plan): \(error)") }
        return LocalCluster(
            directory: directory,
            plan: plan,
            root: .init(
                accessKey: try SecretFile.read(directory.accessKey).text,
                secretKey: try SecretFile.read(directory.secretKey)
            )
        )
    }

    /// Opens the cluster of a directory, or lays a new one out there.
    ///
    /// The keys of a new one are those given in the environment, or new ones.
    static func openOrCreate(
        _ directory: ClusterDirectory,
        plan: ClusterPlan,
        environment: [String: String]
    ) throws -> LocalCluster {
        let files = FileManager.default
        if files.fileExists(atPath: directory.plan) { return try self.open(directory) }
        try files.createDirectory(
            atPath: directory.path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: NSNumber(value: 0o700)]
        )
        let given = environment["TRIOLET_ROOT_ACCESS_KEY"]
        let accessKey = Secret(given ?? RootKeyFile.newAccessKey())
        var secretKey = SecretFile.random(40)
        if given != nil {
            if let text = environment["TRIOLET_ROOT_SECRET_KEY"] {
                secretKey = Secret(text)
            } else if let file = environment["TRIOLET_ROOT_SECRET_KEY_FILE"] {
                secretKey = try SecretFile.read(file)
            } else {
                throw Failure("TRIOLET_ROOT_ACCESS_KEY needs TRIOLET_ROOT_SECRET_KEY", .usage)
            }
        }
        for (path, secret) in [
            (directory.accessKey, accessKey),
            (directory.secretKey, secretKey),
            (directory.peerSecret, SecretFile.random(43)),
        ] where !files.fileExists(atPath: path) { try SecretFile.create(path, secret.text) }
        // Last: with it the cluster counts as laid out.
        try JSONEncoder().encode(plan).write(to: URL(fileURLWithPath: directory.plan))
        return try self.open(directory)
    }

    // MARK: Nodes

    /// The running process of a node.
    func process(_ number: Int) -> ChildProcess? {
        ChildProcess(file: self.directory.process(number)).flatMap { $0.isRunning ? $0 : nil }
    }

    /// Starts a node, unless it runs.
    func start(_ number: Int) throws {
        guard self.process(number) == nil else { return }
        let files = FileManager.default
        try files.createDirectory(
            atPath: self.directory.node(number),
            withIntermediateDirectories: true
        )
        try self.plan.settings(
            of: number,
            in: self.directory,
            accessKey: self.root.accessKey
        ).write(toFile: self.directory.settings(number), atomically: true, encoding: .utf8)
        let log = self.directory.log(number)
        if !files.fileExists(atPath: log) {
            guard files.createFile(atPath: log, contents: nil) else {
                throw Failure("cannot create \(log)")
            }
        }
        guard let output = FileHandle(forWritingAtPath: log) else {
            throw Failure("cannot write \(log)")
        }
        try output.seekToEnd()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["serve", "--config", self.directory.settings(number)]
        process.environment = Self.environment(ProcessInfo.processInfo.environment)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
        guard let child = ChildProcess(id: process.processIdentifier) else {
            throw Failure("node n\(number) ended at once:\n\(self.lastLines(number, count: 20))")
        }
        try child.remember(in: self.directory.process(number))
    }

    /// Waits until the node answers that it is ready, or that it waits for an operator.
    func waitUntilReady(_ number: Int, within limit: Duration = .seconds(60)) async throws {
        let deadline = ContinuousClock.now + limit
        while true {
            switch await self.state(number) {
            case .ready: return
            case .notReady(let reason) where reason.contains(NodeAdmin.noMember):
                throw Failure(
                    "node n\(number) is \(reason)\n"
                        + "If its directory is lost for good, give it its own place as a new node:"
                        + " triolet ring replace n\(number) --admin \(self.otherAdmin(number))",
                    .degraded
                )
            case .down:
                throw Failure("node n\(number) ended:\n\(self.lastLines(number, count: 20))")
            case .notReady(let reason):
                guard ContinuousClock.now < deadline else {
                    throw Failure(
                        "node n\(number) is not ready after \(Amount.setting(limit)): \(reason)\n"
                            + self.lastLines(number, count: 20),
                        .degraded
                    )
                }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// The admin port of another node.
    private func otherAdmin(_ number: Int) -> SocketName {
        self.plan.admin(self.plan.numbers.first { $0 != number } ?? number)
    }

    /// Asks the node to end; after `limit` it is made to.
    func stop(_ number: Int, within limit: Duration = .seconds(40)) async {
        guard let process = self.process(number) else { return }
        process.send(SIGTERM)
        if await !process.ended(within: limit) {
            process.send(SIGKILL)
            _ = await process.ended(within: .seconds(5))
        }
        try? FileManager.default.removeItem(atPath: self.directory.process(number))
    }

    // MARK: What is seen of them

    enum NodeState: Hashable, Sendable {
        case down
        case notReady(String)
        case ready
    }

    func state(_ number: Int) async -> NodeState {
        guard self.process(number) != nil else { return .down }
        do {
            let answer = try await self.admin(number).get("/health/ready")
            if answer.status == 200 { return .ready }
            return .notReady(answer.text.trimmingCharacters(in: .whitespacesAndNewlines))
        } catch { return .notReady("its admin port does not answer") }
    }

    func admin(_ number: Int) -> HTTPClient {
        let address = self.plan.admin(number)
        var client = HTTPClient(HTTPOrigin(host: address.host, port: address.port))
        client.silenceMax = .seconds(10)
        return client
    }

    /// The end of a node's log.
    func lastLines(_ number: Int, count: Int) -> String {
        guard let file = FileHandle(forReadingAtPath: self.directory.log(number)) else { return "" }
        let bytesMax: UInt64 = 256 << 10
        let size = (try? file.seekToEnd()) ?? 0
        try? file.seek(toOffset: size > bytesMax ? size - bytesMax : 0)
        let data = (try? file.read(upToCount: Int(bytesMax))) ?? Data()
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
        return lines.suffix(count).joined(separator: "\n")
    }

    /// Our environment without the settings that are each node's own.
    static func environment(_ environment: [String: String]) -> [String: String] {
        let own = ["NODE", "S3_LISTEN", "ADMIN", "PEER", "CLUSTER", "ROOT", "CONFIG"]
        return environment.filter { name, _ in
            !own.contains { name == "TRIOLET_\($0)" || name.hasPrefix("TRIOLET_\($0)_") }
        }
    }
}
