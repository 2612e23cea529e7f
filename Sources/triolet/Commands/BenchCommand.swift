import ArgumentParser
import Foundation
import LoadGenerator
import S3Protocol

/// Measures what a server that speaks S3 does, and checks that it does it right.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure operations: rate, times, CPU and bytes written. Exit code 1 on errors.",
        discussion: """
            A workload is OPERATION:SIZE[:CLIENTS[:COUNT]], for example put:1KiB:16, get:1KiB:16, \
            copy:1GiB:1:60, copy-parts:64MiB:4:16 (parts at once, parts), list:100000 (keys), \
            mix:1KiB:16:put=1+get=6+copy=1. Operations: \(Self.operations). What one has stored \
            the next reads. Every body that is read is checked, and so is every answer of a copy.

            Without --endpoint it is node 1 of the local cluster that is asked, and the nodes' \
            processes are those whose CPU is counted.
            """
    )

    private static var operations: String {
        Workload.Operation.allCases.map(\.rawValue).joined(separator: ", ")
    }

    @OptionGroup var place: ClusterCommand.Place

    @Option(
        help: ArgumentHelp(
            "Address to ask, host:port, or http://host:port; more than one shares the clients.",
            valueName: "address"
        )
    )
    var endpoint: [String] = []

    @Flag(help: "Ask all nodes of the local cluster, not only node 1.")
    var allNodes = false

    @Option(help: "Access key; default: AWS_ACCESS_KEY_ID, or that of the local cluster.")
    var accessKey: String?

    @Option(help: "File whose first line is the secret key; default: AWS_SECRET_ACCESS_KEY.")
    var secretKeyFile: String?

    @Option(help: "Region to sign for.")
    var region = "us-east-1"

    @Option(help: "Server processes whose CPU, memory and writes are counted: ids with commas.")
    var pids: String?

    @Option(help: "What the results are called.")
    var label = "triolet"

    @Option(help: "Bucket to make, fill and delete.")
    var bucket = "bench"

    @Flag(help: "Leave the bucket and what is in it.")
    var keep = false

    @Option(help: "Longest time of a run; ten times that for workloads with a COUNT.")
    var time = "5s"

    @Option(help: "Most operations of a run, for workloads without a COUNT.")
    var operations = 100_000

    @Option(help: "Runs of each workload.")
    var runs = 1

    @Flag(help: "One JSON object per run.")
    var json = false

    @Argument(help: "Workloads, in the order in which they run.")
    var workloads: [String] = [
        "put:1KiB:16", "get:1KiB:16", "head:1KiB:16", "copy:1KiB:16", "copy:1KiB:1",
    ]

    func run() async throws {
        let workloads = try self.workloads.map { text in
            guard let workload = Workload(text, bytes: Amount.bytes) else {
                throw Failure("\(text) is no workload; see triolet bench --help", .usage)
            }
            return workload
        }
        let settings = try self.settings()
        if !self.json { Terminal.say(BenchText.head) }
        var errorCount = 0
        do {
            try await LoadRun(settings).run(workloads) { measured, errors in
                errorCount += measured.errors
                for error in errors { Terminal.complain("  ! \(error)") }
                Terminal.say(self.json ? Self.text(measured) : BenchText.line(measured))
            }
        } catch let error as LoadError { throw Failure("the bench ended early: \(error)") }
        guard errorCount == 0 else { throw Failure("\(errorCount) operations failed") }
    }

    private static func text(_ measured: LoadResult) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(measured) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }

    // MARK: Settings

    private func settings() throws -> LoadSettings {
        guard let time = Amount.duration(self.time), time > .zero else {
            throw Failure("\(self.time) is no time, as 5s is", .usage)
        }
        guard self.runs > 0, self.operations > 0 else {
            throw Failure("--runs and --operations must be at least 1", .usage)
        }
        let cluster = self.endpoint.isEmpty ? try self.place.open() : nil
        var settings = LoadSettings(
            origins: try self.origins(cluster),
            identity: try self.identity(cluster)
        )
        settings.label = self.label
        settings.processes = try self.processes(cluster)
        settings.bucket = self.bucket
        settings.keepsBucket = self.keep
        settings.runs = self.runs
        settings.time = time
        settings.operations = self.operations
        return settings
    }

    private func origins(_ cluster: LocalCluster?) throws -> [LoadOrigin] {
        if let cluster {
            let numbers = self.allNodes ? Array(cluster.plan.numbers) : [1]
            return numbers.map(cluster.plan.s3).map { LoadOrigin(host: $0.host, port: $0.port) }
        }
        return try self.endpoint.map { text in
            let name = text.hasPrefix("http://") ? String(text.dropFirst(7)) : text
            guard let address = SocketName(name) else {
                throw Failure("\(text) is no address (http://host:port)", .usage)
            }
            return LoadOrigin(host: address.host, port: address.port)
        }
    }

    private func identity(_ cluster: LocalCluster?) throws -> LoadIdentity {
        let environment = ProcessInfo.processInfo.environment
        let accessKey =
            self.accessKey ?? cluster?.root.accessKey
            ?? environment["AWS_ACCESS_KEY_ID"]
        let secret =
            try self.secretKeyFile.map { try SecretFile.read($0).text }
            ?? cluster?.root.secretKey.text ?? environment["AWS_SECRET_ACCESS_KEY"]
        guard let accessKey, let secret else {
            throw Failure("no keys: --access-key and --secret-key-file, or AWS_…", .usage)
        }
        return LoadIdentity(accessKey: accessKey, secret: SecretKey(secret), region: self.region)
    }

    private func processes(_ cluster: LocalCluster?) throws -> [Int32] {
        if let pids {
            return try pids.split(separator: ",").map { text in
                guard let id = Int32(text), id > 0 else {
                    throw Failure("\(text) is no process id", .usage)
                }
                return id
            }
        }
        guard let cluster else { return [] }
        return cluster.plan.numbers.compactMap { cluster.process($0)?.id }
    }
}
