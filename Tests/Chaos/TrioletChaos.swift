import ArgumentParser
import Dispatch
import Foundation

/// Plays scenarios on real processes and says what came of them.
@main
struct TrioletChaos: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "triolet-chaos",
        abstract: "Break a cluster of real processes as a file says, and judge what clients saw.",
        discussion: """
            Each scenario has a cluster of its own. The words of scenario files: \
            docs/testing.md, "Chaos".

            Exit codes: 0 no promise was broken, 1 one was (with --broken: none was), 64 bad usage.
            """
    )

    @Argument(help: "Scenario files.", completion: .file(extensions: ["chaos"]))
    var files: [String] = []

    @Option(help: "No scenario: a node misses so many writes, comes back and has to catch up.")
    var catchUp: Int?

    @Option(help: "The program that the nodes run.")
    var binary = ".build/release/triolet"

    @Option(help: "Decides bodies and what clients do; drawn and printed if it is not given.")
    var seed: UInt64?

    @Option(help: "How long clients work, in place of what the files say.")
    var seconds: Int?

    @Option(help: "Where the nodes' directories are made; kept if a promise was broken.")
    var directory = NSTemporaryDirectory()

    @Option(help: "NAME=VALUE: given to the nodes' processes.")
    var environment: [String] = []

    @Flag(help: "Print one JSON array with all that was measured.")
    var json = false

    @Option(help: "Replace the table of results in this page.")
    var write: String?

    @Flag(help: "The nodes run a program that is broken on purpose: a promise has to be broken.")
    var broken = false

    @Flag(help: "Only read the files.")
    var check = false

    func run() async throws {
        let signals = Self.endChildrenOnSignals()
        defer { for signal in signals { signal.cancel() } }
        let scenarios = try self.files.map { path in
            let text = try String(contentsOfFile: path, encoding: .utf8)
            do {
                var scenario = try Scenario(parsing: text)
                if let seconds = self.seconds { scenario.lasts = .seconds(seconds) }
                return (self.name(path), scenario)
            } catch { throw ValidationError("\(path): \(error)") }
        }
        if self.check { return }
        if let writes = self.catchUp { return try await self.playCatchUp(writes) }
        guard !scenarios.isEmpty else { throw ValidationError("no scenario") }
        var summaries: [RunSummary] = []
        for (name, scenario) in scenarios {
            if let reason = Disks.obstacle(to: scenario) ?? Networks.obstacle(to: scenario) {
                self.say("\(name): skipped: \(reason)")
                continue
            }
            summaries.append(try await self.play(name, scenario))
        }
        try self.sum(summaries)
    }

    private func name(_ path: String) -> String {
        URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
    }

    /// Prints at once: somebody may be watching.
    private func say(_ line: String) {
        if self.json { return }
        print(line)
        fflush(nil)
    }

    private func play(_ name: String, _ scenario: Scenario) async throws -> RunSummary {
        let seed = self.seed ?? UInt64.random(in: 1...1_000_000_000)
        self.say("\(name), seed \(seed): \(scenario.title)")
        let path = self.path(name)
        let run = ChaosRun(
            scenario: scenario,
            name: name,
            seed: seed,
            binary: URL(fileURLWithPath: self.binary).standardizedFileURL.path,
            directory: path,
            environment: self.variables,
            isBroken: self.broken,
            say: { self.say($0) }
        )
        let summary = try await run.run()
        for line in summary.lines { self.say(line) }
        if summary.violations.isEmpty || self.broken {
            try? FileManager.default.removeItem(atPath: path)
        } else {
            self.say("  the nodes' directories and logs: \(path)")
        }
        return summary
    }

    private func playCatchUp(_ writes: Int) async throws {
        let scenario = Scenario()
        let path = self.path("catch-up")
        let cluster = try await ChaosCluster(
            scenario,
            binary: URL(fileURLWithPath: self.binary).standardizedFileURL.path,
            directory: path,
            environment: self.variables
        )
        let complaints: [String]
        do {
            complaints = try await cluster.serving {
                try await CatchUp(cluster: cluster, writes: writes, say: { self.say($0) }).run()
            }
        } catch {
            await cluster.end()
            throw error
        }
        await cluster.end()
        for complaint in complaints { self.say("COMPLAINT \(complaint)") }
        self.say("chaos: catch-up of \(writes) writes, \(complaints.count) complaints")
        guard complaints.isEmpty else { throw ExitCode(1) }
        try? FileManager.default.removeItem(atPath: path)
    }

    private func path(_ name: String) -> String {
        let base = self.directory.hasSuffix("/") ? self.directory : self.directory + "/"
        return "\(base)triolet-chaos-\(ProcessInfo.processInfo.processIdentifier)-\(name)"
    }

    private var variables: [String: String] {
        self.environment.reduce(into: [:]) { all, text in
            let parts = text.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { all[String(parts[0])] = String(parts[1]) }
        }
    }

    private func sum(_ summaries: [RunSummary]) throws {
        if let write = self.write { try RunSummary.write(summaries, to: write) }
        let violations = summaries.reduce(0) { $0 + $1.violations.count }
        if self.json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            print(String(decoding: try encoder.encode(summaries), as: UTF8.self))
        }
        let operations = summaries.reduce(0) { $0 + $1.operations }
        let faults = summaries.reduce(0) { $0 + $1.faults }
        let errors = summaries.reduce(0) { $0 + $1.errors }
        let seconds = summaries.reduce(0) { $0 + $1.seconds }
        self.say(
            "chaos: \(summaries.count) scenarios, \(Int(seconds)) s under load,"
                + " \(operations) operations, \(faults) faults, \(errors) errors after a retry,"
                + " \(violations) violations"
        )
        if (violations > 0) != self.broken { throw ExitCode(1) }
    }

    /// No node outlives us.
    private static func endChildrenOnSignals() -> [any DispatchSourceSignal] {
        [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                Children.end()
                _exit(130)
            }
            source.activate()
            return source
        }
    }
}
