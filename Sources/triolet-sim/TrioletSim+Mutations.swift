import Simulation
import Synchronization

extension TrioletSim {
    /// The first run that noticed a broken rule.
    struct Catch: Sendable {
        let seed: UInt64
        let violation: Violation
    }

    /// Looks for the first run that notices one broken rule.
    func hunt(_ rule: SabotageName) async -> Bool {
        guard let found = await self.firstCatch(of: rule, within: self.seeds) else {
            print("NOT caught")
            return true
        }
        let tried = found.seed - (self.from ?? 1) + 1
        print("caught after \(tried) seeds, by seed \(found.seed): \(found.violation)")
        return false
    }

    private func firstCatch(of rule: SabotageName, within seeds: UInt64?) async -> Catch? {
        let runner = SeedRunner(
            jobs: self.jobs,
            from: self.from ?? 1,
            seeds: seeds,
            minutes: self.minutes
        )
        let first = Shared<Catch?>(nil)
        await runner.run { seed in
            var scenario = Scenario(seed: seed)
            scenario.break(rule)
            guard let violation = World.run(scenario).violations.first else { return true }
            first.value.withLock { first in
                if seed < first?.seed ?? .max { first = Catch(seed: seed, violation: violation) }
            }
            return false
        }
        return first.current
    }

    /// Breaks every rule and prints a table of what noticed it.
    ///
    /// - Returns: true if one went unnoticed, or if the run that noticed it fails also with the
    ///   rule kept.
    func huntAll() async -> Bool {
        let start = ContinuousClock().now
        var missed: [SabotageName] = []
        self.say("| rule broken | name | caught after | by seed | by |")
        self.say("|---|---|---|---|---|")
        for rule in SabotageName.allCases where !self.quick || rule.isQuick {
            let row = "| \(rule.summary) | `\(rule.rawValue)` |"
            guard let found = await self.firstCatch(of: rule, within: self.seeds ?? 2_000) else {
                missed.append(rule)
                self.say("\(row) **not caught** | | |")
                continue
            }
            var scenario = Scenario(seed: found.seed)
            scenario.break(rule)
            if let violation = World.run(scenario.withRulesKept).violations.first {
                missed.append(rule)
                self.say("\(row) **also if it is kept** | \(found.seed) | \(violation) |")
                continue
            }
            let tried = found.seed - (self.from ?? 1) + 1
            let count = tried == 1 ? "1 seed" : "\(tried) seeds"
            self.say("\(row) \(count) | \(found.seed) | \(found.violation.kind.rawValue) |")
        }
        let seconds = (ContinuousClock().now - start).components.seconds
        print("mutations: \(missed.count) rules went unnoticed, \(seconds) s")
        return !missed.isEmpty
    }
}
