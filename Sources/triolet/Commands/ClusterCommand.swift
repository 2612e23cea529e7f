import ArgumentParser
import Foundation

/// Nodes on this machine, for trying out and for tests.
struct ClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract: "Run a cluster of several nodes on this machine.",
        subcommands: [
            Up.self, Down.self, Status.self, Kill.self, Restart.self, Logs.self,
        ]
    )

    struct Place: ParsableArguments {
        @Option(help: "Directory of the cluster: settings, secrets, data and logs.")
        var directory = ".triolet"

        func open() throws -> LocalCluster { try .open(ClusterDirectory(self.directory)) }
    }

    /// What a cluster that does not exist yet is to be.
    struct Shape: ParsableArguments {
        @Option(help: "Number of nodes (1 to \(ClusterPlan.nodesMax)).")
        var nodes = 3

        @Option(
            help: ArgumentHelp(
                "S3 port of the first node; admin and peer ports follow, other nodes are 10 apart."
            )
        )
        var basePort = 7_330

        func validate() throws {
            guard (1...ClusterPlan.nodesMax).contains(self.nodes) else {
                throw ValidationError("--nodes must be 1 to \(ClusterPlan.nodesMax)")
            }
            guard (1...65_000).contains(self.basePort) else {
                throw ValidationError("--base-port must be 1 to 65000")
            }
        }

        func openOrCreate(_ directory: ClusterDirectory) throws -> LocalCluster {
            try .openOrCreate(
                directory,
                plan: ClusterPlan(nodes: self.nodes, basePort: self.basePort),
                environment: ProcessInfo.processInfo.environment
            )
        }
    }

    struct Up: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Start all nodes that do not run, and wait until they are ready."
        )

        @OptionGroup var place: Place
        @OptionGroup var shape: Shape

        func run() async throws {
            let cluster = try self.shape.openOrCreate(ClusterDirectory(self.place.directory))
            try await cluster.up()
            for line in cluster.addressLines() { Terminal.say(line) }
            Terminal.say("eval \"$(triolet env)\" points aws, boto3 and other clients at it")
        }
    }

    struct Down: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Stop all nodes.")

        @OptionGroup var place: Place

        @Flag(help: "Delete the directory with all data afterwards.")
        var erase = false

        func run() async throws {
            let cluster = try self.place.open()
            await cluster.down()
            if self.erase {
                try FileManager.default.removeItem(atPath: cluster.directory.path)
            }
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say which nodes are ready. Exit code 3 if not all are."
        )

        @OptionGroup var place: Place

        @Flag(help: "One JSON object per node.")
        var json = false

        func run() async throws {
            let cluster = try self.place.open()
            var areAllReady = true
            for number in cluster.plan.numbers {
                let state = await cluster.state(number)
                areAllReady = areAllReady && state == .ready
                let process = cluster.process(number)
                if self.json {
                    Terminal.say(
                        "{\"node\":\"n\(number)\",\"state\":\(LogRecord.quoted(state.text)),"
                            + "\"pid\":\(process?.id ?? 0),\"s3\":\"\(cluster.plan.s3(number))\","
                            + "\"admin\":\"\(cluster.plan.admin(number))\"}"
                    )
                } else {
                    let pid = process.map { "process \($0.id)" } ?? "no process"
                    Terminal.say("n\(number)  \(cluster.plan.s3(number))  \(pid)  \(state.text)")
                }
            }
            guard areAllReady else { throw ExitCode(Failure.Kind.degraded.rawValue) }
        }
    }

    struct Kill: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a node as a crash would (SIGKILL)."
        )

        @OptionGroup var place: Place
        @Argument(help: "Number of the node, from 1.") var number: Int

        func run() async throws {
            let cluster = try self.place.open()
            try cluster.check(self.number)
            guard let process = cluster.process(self.number) else {
                throw Failure("node n\(self.number) does not run")
            }
            process.send(SIGKILL)
            guard await process.ended(within: .seconds(5)) else {
                throw Failure("node n\(self.number) (process \(process.id)) does not end")
            }
        }
    }

    struct Restart: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop a node if it runs, start it, and wait until it is ready."
        )

        @OptionGroup var place: Place
        @Argument(help: "Number of the node, from 1.") var number: Int

        func run() async throws {
            let cluster = try self.place.open()
            try cluster.check(self.number)
            await cluster.stop(self.number)
            try cluster.start(self.number)
            try await cluster.waitUntilReady(self.number)
        }
    }

    struct Logs: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the last log lines of a node, or of all."
        )

        @OptionGroup var place: Place
        @Argument(help: "Number of the node, from 1.") var number: Int?
        @Option(help: "Lines of each node.") var lines = 50

        func run() async throws {
            let cluster = try self.place.open()
            if let number = self.number { try cluster.check(number) }
            for number in self.number.map({ $0...$0 }) ?? cluster.plan.numbers {
                Terminal.say("== n\(number): \(cluster.directory.log(number))")
                Terminal.say(cluster.lastLines(number, count: self.lines))
            }
        }
    }
}
