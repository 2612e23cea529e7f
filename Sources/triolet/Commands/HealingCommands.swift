import AdminAPI
import ArgumentParser
import Foundation
import NIOHTTP1
import S3Client

/// Asks a node to look for missing copies of chunks, or how that stands.
struct RepairCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair",
        abstract: "Have missing copies of chunks made; see how that stands.",
        subcommands: [Start.self, Status.self]
    )

    struct Start: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Begin a round: this node looks after the chunks of its manifests."
        )

        @OptionGroup var port: AdminPort

        func run() async throws { try await self.port.start(.repair) }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what the last round found. Exit code 3 if copies are missing."
        )

        @OptionGroup var port: AdminPort

        func run() async throws {
            let report = try await self.port.report()
            self.port.say(report.repair, HealingText.lines(report.repair))
            guard report.repair.copiesMissing == 0 else {
                throw ExitCode(Failure.Kind.degraded.rawValue)
            }
        }
    }
}

/// Asks a node to verify all its chunks, or how that stands.
struct ScrubCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scrub",
        abstract: "Have a node verify all its chunks; see how that stands.",
        subcommands: [Start.self, Status.self]
    )

    struct Start: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Begin a pass from the beginning, at full speed."
        )

        @OptionGroup var port: AdminPort

        func run() async throws { try await self.port.start(.scrub) }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Say how far the scrub is.")

        @OptionGroup var port: AdminPort

        func run() async throws {
            let report = try await self.port.report()
            self.port.say(report.scrub, HealingText.lines(report.scrub))
        }
    }
}

/// The admin port of a node, and how its answers are shown.
struct AdminPort: ParsableArguments {
    @Argument(help: "The node's admin address.")
    var admin = "127.0.0.1:7331"

    @Option(help: "File with the admin token in its first line; not needed on the same machine.")
    var tokenFile: String?

    @Flag(help: "One JSON object.")
    var json = false

    func start(_ work: HealingWork) async throws {
        let answer = try await self.client().ask(
            .POST,
            "/v1/repairs/\(work.rawValue)",
            expects: [202]
        )
        Terminal.say(
            self.json ? answer.text : "\(work.rawValue) has been asked for at \(self.admin)"
        )
    }

    func report() async throws -> HealingReport {
        try self.decoded(try await self.client().ask(.GET, "/v1/repairs", expects: [200]).text)
    }

    func decoded<Report: Decodable>(_ text: String) throws -> Report {
        try AdminClient.decoded(text, from: self.admin)
    }

    func say(_ report: some Encodable, _ lines: [String]) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        if self.json, let data = try? encoder.encode(report) {
            Terminal.say(String(decoding: data, as: UTF8.self))
        } else {
            for line in lines { Terminal.say(line) }
        }
    }

    func client() throws -> AdminClient {
        try AdminClient(self.admin, tokenFile: self.tokenFile)
    }
}

/// Reports as lines for people.
enum HealingText {
    static func lines(_ repair: HealingReport.Repair) -> [String] {
        [
            "round:     " + (repair.running ? "under way" : "not now")
                + ", \(repair.rounds) ended since the start" + self.since(repair.lastEnd),
            "last one:  \(repair.copiesChecked) copies of \(repair.manifests) manifests, "
                + "\(repair.copiesRestored) restored "
                + "(\(Amount.text(bytes: repair.bytesMoved)) moved), "
                + "\(repair.copiesMovedHome) moved home, \(repair.copiesMissing) missing",
            "queue:     \(repair.waiting) waiting"
                + (repair.waiting > 0 ? ", the oldest for \(Int(repair.oldestSeconds)) s" : ""),
            "since the start: \(repair.replaced) replaced, \(repair.givenUp) given up, "
                + "\(repair.chunksLost) chunks lost in changes of the layout",
        ]
    }

    static func lines(_ scrub: HealingReport.Scrub) -> [String] {
        [
            "pass:      \(Amount.text(bytes: scrub.bytesRead)) of "
                + "\(Amount.text(bytes: scrub.bytesTotal)) verified"
                + (scrub.running ? ", at full speed" : ""),
            "passes:    \(scrub.passes) ended since the start" + self.since(scrub.lastEnd),
            "damaged:   \(scrub.damaged) chunks since the start",
        ]
    }

    private static func since(_ seconds: Double?) -> String {
        seconds.map { ", the last at \(Date(timeIntervalSince1970: $0).ISO8601Format())" } ?? ""
    }
}
