import ArgumentParser
import Glibc
import Simulation
import Synchronization

/// Runs simulated clusters and says what came of them.
@main
struct TrioletSim: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "triolet-sim",
        abstract: "Run whole clusters in one process, with every fault drawn from a seed.",
        discussion: """
            With --seed, tells the story of one run; with --shrink too, looks for a smaller run \
            that still fails. With --seeds or --minutes, runs many and prints one line; a run that \
            breaks a promise is printed with its seed. With --sabotage, breaks a rule on purpose \
            and expects a run to notice. With --mutations, does so with every rule and prints a \
            table.

            Exit codes: 0 as expected, 1 a promise was broken (or a sabotage was not noticed), \
            2 bad usage.
            """
    )

    @Option(help: "The run to tell the story of.")
    var seed: UInt64?

    @Option(help: "How many runs; with --mutations, how many for each rule (default 2000).")
    var seeds: UInt64?

    @Option(help: "The first seed of many.")
    var from: UInt64?

    @Flag(help: "Begin at a seed that nobody has chosen; it is printed.")
    var fresh = false

    @Option(help: "Run for so many minutes.")
    var minutes: Double?

    @Option(help: "Runs at once, each on a thread of its own.")
    var jobs = 1

    @Option(
        help: "A rule to break: \(SabotageName.allCases.map(\.rawValue).joined(separator: ", "))."
    )
    var sabotage: SabotageName?

    @Flag(help: "With --sabotage: the same runs, but with the rule kept; they have to be clean.")
    var kept = false
    @Flag(help: "Change the layout in every run.")
    var layoutChanges = false

    @Flag(help: "Switch versioning on and off in every run.")
    var versions = false

    @Flag(help: "Rename objects in every run, above all.")
    var renames = false

    @Flag(help: "Break every rule, one at a time.")
    var mutations = false

    @Flag(help: "With --mutations: only those rules that few runs suffice for.")
    var quick = false

    @Flag(help: "With --seed: look for a smaller run that still fails.")
    var shrink = false

    @Flag(help: "Little but copies of all kinds, while machines die, for longer than usual.")
    var storm = false

    @Flag(help: "With --seeds and --minutes: name each seed before it runs.")
    var verbose = false

    @Flag(help: "With --seed: only the last line.")
    var quiet = false

    @Flag(help: "Simulate nothing: lay clusters of 10, 100 and 1,000 nodes out, and say how.")
    var placement = false

    func validate() throws {
        if self.placement { return }
        let ways = [self.seed != nil, self.seeds != nil, self.minutes != nil].count { $0 }
        guard ways == 1 || (self.mutations && self.seed == nil && self.minutes == nil) else {
            throw ValidationError("Say one of --seed, --seeds and --minutes.")
        }
        guard !self.shrink || self.seed != nil else {
            throw ValidationError("--shrink needs a --seed.")
        }
        guard (1...256).contains(self.jobs) else {
            throw ValidationError("--jobs is from 1 to 256.")
        }
    }

    func run() async throws {
        if self.placement { return try self.studyPlacement() }
        let failed: Bool
        if let seed = self.seed {
            failed = self.shrink ? self.shrinkRun(seed) : self.tell(seed)
        } else if self.mutations {
            failed = await self.huntAll()
        } else if let sabotage = self.sabotage, !self.kept {
            failed = await self.hunt(sabotage)
        } else {
            failed = await self.runMany()
        }
        if failed { throw ExitCode(1) }
    }

    func scenario(_ seed: UInt64) -> Scenario {
        var scenario = Scenario(seed: seed)
        if self.storm { scenario.storm() }
        if self.layoutChanges { scenario.changeLayouts() }
        if self.versions { scenario.keepVersions() }
        if self.renames { scenario.rename() }
        if let sabotage = self.sabotage { scenario.break(sabotage) }
        return self.kept ? scenario.withRulesKept : scenario
    }

    /// Prints at once, so that it is known even if the next run crashes.
    func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    /// Prints one run.
    private func tell(_ seed: UInt64) -> Bool {
        let report = World.run(self.scenario(seed))
        if !self.quiet {
            for line in report.story { print(line) }
        }
        for violation in report.violations { print("VIOLATION \(violation)") }
        print(report.summary)
        return report.violations.isEmpty == (self.sabotage != nil && !self.kept)
    }

    /// The first of many seeds.
    private func firstSeed() -> UInt64 {
        guard self.fresh else { return self.from ?? 1 }
        // Far from those that people choose, and short enough to be typed.
        let first = UInt64.random(in: 1_000_000..<1_000_000_000) * 1_000
        self.say("first seed \(first)")
        return first
    }

    private func runMany() async -> Bool {
        let total = Shared(RunTotal())
        let start = ContinuousClock().now
        let runner = SeedRunner(
            jobs: self.jobs,
            from: self.firstSeed(),
            seeds: self.seeds,
            minutes: self.minutes
        )
        await runner.run { seed in
            if self.verbose { self.say("seed \(seed)") }
            let report = World.run(self.scenario(seed))
            let sum = total.value.withLock { total in
                total.add(report)
                return total
            }
            for violation in report.violations { self.say("seed \(seed): \(violation)") }
            if !report.leftBehind.isEmpty {
                self.say("seed \(seed) leaves behind: \(report.leftBehind.joined(separator: ", "))")
            }
            if sum.runs % 100 == 0 { self.say("so far \(sum)") }
            return true
        }
        let elapsed = ContinuousClock().now - start
        print("\(total.current), \(elapsed.components.seconds) s")
        return total.current.violations > 0
    }
}

extension SabotageName: ExpressibleByArgument {}
