import Foundation
import StoreModel
import TestSupport
import Testing

@testable import triolet

struct ConfigurationTests {
    private let directory: TemporaryDirectory

    init() throws { self.directory = try TemporaryDirectory() }

    private func complaints(
        flags: [String] = [],
        environment: [String: String] = [:],
        file: String? = nil
    ) async -> [String] {
        do {
            _ = try await NodeConfiguration.load(
                flags: flags,
                environment: environment,
                file: file
            )
            return []
        } catch { return error.complaints }
    }

    @Test("Without any setting a node that is alone has a valid configuration")
    func defaults() async throws {
        let configuration = try await NodeConfiguration.load(environment: [:])
        #expect(configuration.s3.listen.description == "0.0.0.0:7330")
        #expect(configuration.admin.listen.description == "127.0.0.1:7331")
        #expect(configuration.peer.advertise.description == "127.0.0.1:7332")
        #expect(configuration.peer.seeds.isEmpty)
        #expect(configuration.root == nil)
        #expect(configuration.node.data == "/var/lib/triolet")
    }

    @Test("The largest copy is that of S3, another size, or there is no limit")
    func copyLimit() async throws {
        func limit(_ flags: [String]) async throws -> UInt64 {
            try await NodeConfiguration.load(flags: flags, environment: [:]).s3.copyBytesMax
        }
        #expect(try await limit([]) == 5 << 30)
        #expect(try await limit(["--s3-copy-limit", "48TiB"]) == 48 << 40)
        #expect(try await limit(["--s3-copy-limit", "none"]) == .max)
        let wrong = await self.complaints(flags: ["--s3-copy-limit", "much"])
        #expect(wrong.count == 1 && wrong.first?.contains("or none") == true)
    }

    @Test("A flag counts before the environment, the environment before the file")
    func precedence() async throws {
        let file = try self.directory.file(
            "t.yaml",
            "node: { name: file, zone: file, data: /file }\nlog: { level: debug }\n"
        )
        let configuration = try await NodeConfiguration.load(
            flags: ["--node-name", "flag"],
            environment: [
                "TRIOLET_CONFIG": file, "TRIOLET_NODE_NAME": "env", "TRIOLET_NODE_ZONE": "env",
                "PATH": "/bin",
            ]
        )
        #expect(configuration.node.name == "flag")
        #expect(configuration.node.zone == "env")
        #expect(configuration.node.data == "/file")
        #expect(configuration.log.level == "debug")
    }

    @Test("Lists may be YAML lists, or words with commas elsewhere")
    func lists() async throws {
        let file = try self.directory.file(
            "t.yaml",
            """
            peer:
              advertise: 10.0.0.1:7332
              seeds: ["10.0.0.2:7332", 10.0.0.1:7332]
              secret: 0123456789abcdef
            root: { access_key: root, secret_key: 0123456789 }
            """
        )
        let configuration = try await NodeConfiguration.load(
            flags: ["--buckets=raw, processed,raw"],
            environment: ["S3_BUCKET": "unused"],
            file: file
        )
        #expect(configuration.peer.seeds == ["10.0.0.2:7332"], "all others, not this node")
        #expect(configuration.buckets.map(\.text) == ["raw", "processed"])
        let aliased = try await NodeConfiguration.load(environment: ["S3_BUCKET": "first"])
        #expect(aliased.buckets.map(\.text) == ["first"])
    }

    @Test("All mistakes are reported at once, unknown names with the nearest one")
    func allMistakes() async throws {
        let file = try self.directory.file(
            "t.yaml",
            "node: { nam: n1, capacity: 5XB }\ns3: { listen: nope, connections: [1] }\n"
        )
        let complaints = await self.complaints(
            flags: ["--peer-seds=5", "--log-level", "loud", "--log-format"],
            environment: ["TRIOLET_PEER_SECRT": "x"],
            file: file
        )
        let expected = [
            "unknown flag: --peer-seds; did you mean --peer-seeds?",
            "--log-format needs a value (auto, json, console)",
            "unknown environment variable: TRIOLET_PEER_SECRT; did you mean TRIOLET_PEER_SECRET?",
            "unknown setting in \(file): node.nam; did you mean node.name?",
            "s3.connections in \(file): one value expected",
            "s3.listen in \(file): \"nope\" is not valid (host:port)",
            "node.capacity in \(file): \"5XB\" is not valid (64MiB to 1048576TiB)",
            "--log-level: \"loud\" is not valid"
                + " (trace, debug, info, warning, error, critical)",
        ]
        #expect(Set(complaints) == Set(expected))
    }

    @Test("A secret comes from its file, unless every user may read that")
    func secretFiles() async throws {
        let good = try self.directory.file("good", "s3cr3t-enough\nsecond line\n")
        let configuration = try await NodeConfiguration.load(
            environment: [
                "TRIOLET_ROOT_ACCESS_KEY": "root", "TRIOLET_ROOT_SECRET_KEY_FILE": good,
            ]
        )
        #expect(configuration.root?.secretKey.text == "s3cr3t-enough")
        let open = try self.directory.file("open", "s3cr3t-enough\n", mode: 0o644)
        let complaints = await self.complaints(
            environment: [
                "TRIOLET_ROOT_ACCESS_KEY": "root", "TRIOLET_ROOT_SECRET_KEY_FILE": open,
            ]
        )
        #expect(complaints.count == 1)
        #expect(complaints.first?.contains("chmod 600 \(open)") == true)
    }

    @Test("A secret is never part of an error or a description")
    func secretsStaySecret() async throws {
        let secret = "very-secret-thing"
        let complaints = await self.complaints(
            flags: ["--root-secret-key", secret, "--log-level=loud", "--peer-secret", "short"]
        )
        #expect(complaints.count == 3)
        #expect(!complaints.joined().contains(secret))
        #expect("\(Secret(secret))" == "(secret)")
        #expect(String(reflecting: Secret(secret)) == "(secret)")
    }

    @Test("A cluster of several nodes needs a secret, a root key, and an address to be reached at")
    func severalNodes() async {
        let complaints = await self.complaints(flags: ["--peer-seeds", "10.0.0.2:7332"])
        #expect(complaints.count == 3)
        #expect(complaints.contains { $0.contains("root.access_key") })
        #expect(complaints.contains { $0.hasPrefix("peer.advertise is needed") })
        #expect(complaints.contains { $0.contains("peer.secret") })
    }

    @Test("A file that is missing, no mapping, or no YAML is one complaint")
    func brokenFiles() async throws {
        #expect(await self.complaints(file: "/nonexistent/t.yaml").count == 1)
        for text in ["- a\n- b\n", "just words", "a: [1, \n b", "a: 1\na: 2\n"] {
            let file = try self.directory.file("t.yaml", text)
            #expect(await self.complaints(file: file).count >= 1, "\(text)")
        }
    }

    @Test("Each setting has a unique flag and variable, and a default that is valid")
    func table() async throws {
        #expect(Set(Setting.all.map(\.flag)).count == Setting.all.count)
        #expect(Set(Setting.all.map(\.variable)).count == Setting.all.count)
        for setting in Setting.all where !setting.standard.hasPrefix("[") {
            let complaints = await self.complaints(flags: [setting.flag, setting.standard])
            #expect(complaints.isEmpty, "\(setting.key)")
        }
    }

    @Test("The files that a local cluster writes for its nodes are valid")
    func localCluster() async throws {
        let directory = ClusterDirectory(self.directory.path)
        let plan = ClusterPlan(nodes: 3, basePort: 20_000)
        let cluster = try LocalCluster.openOrCreate(directory, plan: plan, environment: [:])
        for number in plan.numbers {
            let text = plan.settings(
                of: number,
                in: directory,
                accessKey: cluster.root.accessKey
            )
            let file = try self.directory.file("n\(number).yaml", text)
            let configuration = try await NodeConfiguration.load(environment: [:], file: file)
            #expect(configuration.node.name == "n\(number)")
            #expect(configuration.peer.seeds.count == 2)
            #expect(configuration.root == cluster.root)
        }
        let again = try LocalCluster.openOrCreate(
            directory,
            plan: ClusterPlan(nodes: 5, basePort: 1),
            environment: [:]
        )
        #expect(again.plan == plan, "a cluster that is there stays as it is")
        #expect(again.root == cluster.root)
    }

    @Test("docs/operations/configuration.md lists the settings as the program knows them")
    func documentation() throws {
        let page = try Repository.text("docs/operations/configuration.md")
        #expect(
            page.contains(SettingsTable.markdown()),
            "run: triolet config settings, and put its output into the page"
        )
    }

    @Test("deploy/triolet.yaml is valid but for the secrets that it names")
    func deployedExample() async throws {
        let complaints = await self.complaints(file: Repository.path("deploy/triolet.yaml"))
        let wrong = complaints.filter {
            !$0.contains("cannot read /etc/triolet/") && !$0.contains("needs peer.secret")
        }
        #expect(wrong == [])
    }
}

/// The files of the repository that these sources belong to.
enum Repository {
    static func path(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent(name).path
    }

    static func text(_ name: String) throws -> String {
        try String(contentsOfFile: self.path(name), encoding: .utf8)
    }
}
