import ArgumentParser
import Glibc
import Simulation

/// Runs simulated clusters and says what came of them.
@main
struct TrioletSim: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "triolet-sim",
        abstract: "Run whole clusters in one process, with every fault drawn from a seed.",
        discussion: """
            With --seed, tells the story of one run. With --seeds or --minutes, runs many and \
            prints one line; a run that breaks a promise is printed with its seed. With \
            --sabotage, breaks a rule on purpose and expects a run to notice.

            Exit codes: 0 as expected, 1 a promise was broken (or the sabotage was not noticed), \
            2 bad usage.
            """
    )

    @Option(help: "The run to tell the story of.")
    var seed: UInt64?

    @Option(help: "How many runs.")
    var seeds: UInt64?

    @Option(help: "The first seed of many.")
    var from: UInt64 = 1

    @Option(help: "Run for so many minutes.")
    var minutes: Double?

    @Option(
        help: "A rule to break: \(SabotageName.allCases.map(\.rawValue).joined(separator: ", "))."
    )
    var sabotage: SabotageName?

    @Flag(help: "With --seeds and --minutes: name each seed before it runs.")
    var verbose = false

    @Flag(help: "With --seed: only the last line.")
    var quiet = false

    func validate() throws {
        let ways = [self.seed != nil, self.seeds != nil, self.minutes != nil].count { $0 }
        guard ways == 1 else {
            throw ValidationError("Say one of --seed, --seeds and --minutes.")
        }
    }

    func run() throws {
        let failed: Bool
        if let seed = self.seed {
            failed = self.tell(seed)
        } else if self.sabotage != nil {
            failed = self.hunt()
        } else {
            failed = self.runMany()
        }
        if failed { throw ExitCode(1) }
    }

    private func scenario(_ seed: UInt64) -> Scenario {
        var scenario = Scenario(seed: seed)
        if let sabotage = self.sabotage { scenario.break(sabotage) }
        return scenario
    }

    /// Prints one run.
    private func tell(_ seed: UInt64) -> Bool {
        let report = World.run(self.scenario(seed))
        if !self.quiet {
            for line in report.story { print(line) }
        }
        for violation in report.violations { print("VIOLATION \(violation)") }
        print(report.summary)
        return report.violations.isEmpty == (self.sabotage != nil)
    }

    /// Prints at once, so that it is known even if the next run crashes.
    private func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    /// The seeds to run, until there is no more time.
    private func seedsToRun(_ body: (UInt64) -> Bool) {
        let clock = ContinuousClock()
        let end = self.minutes.map { clock.now + .seconds($0 * 60) }
        var seed = self.from
        while true {
            if let seeds = self.seeds, seed >= self.from + seeds { return }
            if let end, clock.now >= end { return }
            guard body(seed) else { return }
            seed += 1
        }
    }

    private func runMany() -> Bool {
        var total = RunTotal()
        let start = ContinuousClock().now
        self.seedsToRun { seed in
            if self.verbose { self.say("seed \(seed)") }
            let report = World.run(self.scenario(seed))
            total.add(report)
            for violation in report.violations { self.say("seed \(seed): \(violation)") }
            if total.runs % 50 == 0 { self.say("so far \(total)") }
            return true
        }
        let elapsed = ContinuousClock().now - start
        print("\(total), \(elapsed.components.seconds) s")
        return total.violations > 0
    }

    /// Looks for the first run that notices the broken rule.
    private func hunt() -> Bool {
        var tried = 0
        var caught = false
        self.seedsToRun { seed in
            tried += 1
            let report = World.run(self.scenario(seed))
            guard let violation = report.violations.first else { return true }
            print("caught after \(tried) seeds, by seed \(seed): \(violation)")
            caught = true
            return false
        }
        if !caught { print("NOT caught by \(tried) seeds") }
        return !caught
    }
}

extension SabotageName: ExpressibleByArgument {}
