import AdminAPI
import ArgumentParser
import Foundation
import NIOCore
import NIOHTTP1

/// Shows the layout, and changes it.
struct RingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ring",
        abstract: "Show which nodes keep what; replace, add and remove nodes.",
        subcommands: [Show.self, Replace.self, Add.self, Remove.self]
    )

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say which nodes there are. Exit code 3 while a change is under way."
        )

        @OptionGroup var port: RingPort

        func run() async throws {
            let report = try await self.port.report()
            self.port.say(report)
            guard report.state == .stable else {
                throw ExitCode(Failure.Kind.degraded.rawValue)
            }
        }
    }

    struct Replace: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a waiting node in the place of a member."
        )

        @Argument(help: "The member: its name, or the first digits of its id.")
        var old: String
        @Argument(
            help:
                "The waiting node: likewise, or its peer address. The one of the same name if none."
        )
        var new: String?
        @OptionGroup var port: RingPort

        func run() async throws {
            try await self.port.change(RingChange(replace: .init(old: self.old, new: self.new)))
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a waiting node a member.")

        @Argument(help: "The waiting node: name, first digits of its id, or its peer address.")
        var node: String
        @OptionGroup var port: RingPort

        func run() async throws { try await self.port.change(RingChange(add: self.node)) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have a member leave. What it keeps must be on others: see repair status."
        )

        @Argument(help: "The member: its name, or the first digits of its id.")
        var node: String
        @Flag(help: "Yes, remove it.")
        var yes = false
        @OptionGroup var port: RingPort

        func run() async throws {
            guard self.yes else {
                throw Failure("\(self.node) would leave with all it keeps: add --yes", .usage)
            }
            try await self.port.change(RingChange(remove: self.node))
        }
    }
}

/// The admin port of a member, and how its answers about the layout are shown.
struct RingPort: ParsableArguments {
    /// Looks at a change that takes longer than the node waits for it, a second apart.
    private static let looksMax = 120

    @Option(help: "The admin address of a member.")
    var admin = "127.0.0.1:7331"

    @Option(help: "File with the admin token in its first line; not needed on the same machine.")
    var tokenFile: String?

    @Flag(help: "One JSON object.")
    var json = false

    func report() async throws -> RingReport {
        try self.decoded(try await self.client().ask(.GET, "/v1/ring", expects: [200]).text)
    }

    /// Returns once the layout is stable with the change in it.
    func change(_ change: RingChange) async throws {
        let before = try await self.report()
        let body = String(decoding: try JSONEncoder().encode(change), as: UTF8.self)
        let answer = try await self.client().ask(
            .POST,
            "/v1/ring/change",
            body: body,
            expects: [200, 202]
        )
        var report = try self.decoded(answer.text)
        var isDone = answer.status == 200
        for _ in 0..<Self.looksMax where !isDone {
            try await Task.sleep(for: .seconds(1))
            report = try await self.report()
            // A change takes two steps: joint, stable.
            isDone = report.state == .stable && report.epoch >= before.epoch + 2
        }
        self.say(report)
        guard isDone else {
            throw Failure("the change goes on: triolet ring show says how it stands", .degraded)
        }
    }

    func say(_ report: RingReport) {
        if self.json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            guard let data = try? encoder.encode(report) else { return }
            Terminal.say(String(decoding: data, as: UTF8.self))
        } else {
            for line in RingText.lines(report) { Terminal.say(line) }
        }
    }

    private func client() throws -> AdminClient {
        var client = try AdminClient(self.admin, tokenFile: self.tokenFile)
        // The node looks for others before it answers, and waits for the change.
        client.silenceMax = .seconds(30)
        return client
    }

    private func decoded(_ text: String) throws -> RingReport {
        try AdminClient.decoded(text, from: self.admin)
    }
}

/// The layout as lines for people.
enum RingText {
    static func lines(_ report: RingReport) -> [String] {
        let rows =
            [["name", "id", "state", "up", "partitions", "capacity", "zone", "address"]]
            + report.nodes.map { node in
                [
                    node.name, String(node.id.prefix(8)), node.state.rawValue,
                    node.up ? "yes" : "no", "\(node.partitions)",
                    node.capacityBytes > 0 ? Amount.text(bytes: node.capacityBytes) : "-",
                    node.zone, node.address,
                ]
            }
        return ["epoch \(report.epoch), \(report.state.rawValue)"] + TextTable.lines(rows)
    }
}
