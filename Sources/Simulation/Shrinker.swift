import Coordinator
import Register
import Runtime

/// Makes a failing run smaller for as long as it fails.
///
/// Each step takes something away (a kind of fault, a client, half of the time, ...) and keeps that
/// if some run of the smaller scenario still breaks a promise. Taking away changes the run from
/// then on, so a few more seeds are tried for each step: the smaller scenario only has to show the
/// same kind of failure.
package struct Shrinker {
    /// Seeds tried for one smaller scenario.
    private static let seedsPerStep: UInt64 = 12

    /// The smallest one so far.
    package private(set) var scenario: Scenario
    package private(set) var firstViolation: Violation?
    /// Runs made so far.
    package private(set) var runs = 0

    package init(_ scenario: Scenario) {
        self.scenario = scenario
        self.firstViolation = World.run(scenario).violations.first
        self.runs = 1
    }

    /// Shrinks until no step helps any more, or so many have.
    ///
    /// `tell` is shown each step that did.
    package mutating func run(stepsMax: Int = .max, _ tell: (String) -> Void) {
        guard let kind = self.firstViolation?.kind else { return }
        var steps = 0
        var goesOn = true
        while goesOn {
            goesOn = false
            for step in ScenarioStep.all {
                while steps < stepsMax, let smaller = step.apply(self.scenario),
                    self.fails(smaller, by: kind)
                {
                    tell("still fails with \(step.name)")
                    (steps, goesOn) = (steps + 1, steps + 1 < stepsMax)
                }
            }
        }
    }

    /// Tries a smaller scenario, and keeps it if it fails in the same way.
    private mutating func fails(_ smaller: Scenario, by kind: Violation.Kind) -> Bool {
        var candidate = smaller
        for offset in 0..<Self.seedsPerStep {
            candidate.seed = smaller.seed &+ offset
            self.runs += 1
            let violations = World.run(candidate).violations
            guard let violation = violations.first(where: { $0.kind == kind }) else { continue }
            (self.scenario, self.firstViolation) = (candidate, violation)
            return true
        }
        return false
    }
}

/// One way to make a scenario smaller.
struct ScenarioStep: Sendable {
    let name: String
    /// Nil if there is nothing left to take away.
    let apply: @Sendable (Scenario) -> Scenario?

    init(_ name: String, _ apply: @escaping @Sendable (Scenario) -> Scenario?) {
        self.name = name
        self.apply = apply
    }

    /// All of them, those that take most away first.
    static let all: [ScenarioStep] =
        [
            Self("no audits") { scenario in
                scenario.audits ? scenario.with { $0.audits = false } : nil
            },
            Self("no changes of the layout") { scenario in
                scenario.layoutChanges != nil ? scenario.with { $0.layoutChanges = nil } : nil
            },
            Self("a calm start") { scenario in
                scenario.formsUnderFire ? scenario.with { $0.formsUnderFire = false } : nil
            },
            Self("tombstones that stay") { scenario in
                scenario.erasesSoon ? scenario.with { $0.erasesSoon = false } : nil
            },
            Self("half the time") { scenario in
                scenario.part > .seconds(1) ? scenario.with { $0.part = $0.part / 2 } : nil
            },
            Self("no bodies of several chunks") { scenario in
                scenario.workload.largeBodies > 0
                    ? scenario.with { $0.workload.largeBodies = 0 } : nil
            },
            Self("no chunks") { scenario in
                scenario.workload.chunkedPermille > 0
                    ? scenario.with { $0.workload.chunkedPermille = 0 } : nil
            },
            Self("no conditions") { scenario in
                scenario.workload.conditionPermille > 0
                    ? scenario.with { $0.workload.conditionPermille = 0 } : nil
            },
            Self("clocks that agree at first") { scenario in
                scenario.skewsFromStart ? scenario.with { $0.skewsFromStart = false } : nil
            },
            Self("bodies at once") { scenario in
                scenario.workload.bodyPauseMicroseconds > 0
                    ? scenario.with { $0.workload.bodyPauseMicroseconds = 0 } : nil
            },
            Self("any node for every key") { scenario in
                scenario.workload.ownPermille > 0
                    ? scenario.with { $0.workload.ownPermille = 0 } : nil
            },
            Self("a client less") { scenario in
                scenario.workload.clients > 1
                    ? scenario.with { $0.workload.clients -= 1 } : nil
            },
            Self("a key less") { scenario in
                scenario.workload.keys > 1 ? scenario.with { $0.workload.keys -= 1 } : nil
            },
            Self("a node less") { scenario in
                scenario.nodes > 1 ? scenario.with { $0.nodes -= 1 } : nil
            },
        ] + Self.withoutFaults + Self.withoutOperations + Self.withoutHoldUps

    private static let withoutFaults = FaultPlan.Kind.allCases.map { kind in
        Self("no \(kind.rawValue)") { scenario in
            guard scenario.faults.has(kind) else { return nil }
            return scenario.with { scenario in
                scenario.faults.kinds.removeAll { $0 == kind }
            }
        }
    }

    private static let withoutHoldUps = RareStep.allCases.map { step in
        Self("nothing held up at \(step.rawValue)") { scenario in
            guard scenario.holdUps[step] != nil else { return nil }
            return scenario.with { $0.holdUps[step] = nil }
        }
    }

    private static let withoutOperations = Workload.Kind.allCases.map { kind in
        Self("no \(kind.rawValue)") { scenario in
            let weights = scenario.workload.weights
            guard weights.contains(where: { $0.kind == kind && $0.weight > 0 }),
                weights.contains(where: { $0.kind != kind && $0.weight > 0 })
            else { return nil }
            return scenario.with { $0.workload.weights.removeAll { $0.kind == kind } }
        }
    }
}

extension Scenario {
    func with(_ change: (inout Scenario) -> Void) -> Scenario {
        var scenario = self
        change(&scenario)
        return scenario
    }

    /// The body of a test that runs this scenario, to be pasted into `WorldTests`.
    package var source: String {
        let workload = self.workload
        let kinds = self.faults.kinds.map { ".\($0.rawValue)" }.joined(separator: ", ")
        let pause = self.faults.pauseMicroseconds
        let weights = workload.weights.filter { $0.weight > 0 }
            .map { "(.\($0.kind.rawValue), \($0.weight))" }.joined(separator: ", ")
        var lines = [
            "var scenario = Scenario(seed: \(self.seed))",
            "scenario.nodes = \(self.nodes)",
            "scenario.faults = FaultPlan(kinds: [\(kinds)], pauseMicroseconds: \(pause))",
            "scenario.faults.turnMicroseconds = \(self.faults.turnMicroseconds)",
            "scenario.faults.downMilliseconds = \(self.faults.downMilliseconds)",
            "scenario.faults.victimStandsBetween = \(self.faults.victimStandsBetween)",
            "scenario.faults.skewMicroseconds = \(self.faults.skewMicroseconds)",
            "scenario.faults.lossPermille = \(self.faults.lossPermille)",
            "scenario.audits = \(self.audits)",
            "scenario.formsUnderFire = \(self.formsUnderFire)",
            "scenario.erasesSoon = \(self.erasesSoon)",
            "scenario.versionHolders = \(self.versionHolders)",
            "scenario.tailBytes = \(self.tailBytes)",
            "scenario.skewsFromStart = \(self.skewsFromStart)",
            "scenario.registerTimeout = .milliseconds(\(self.registerTimeout.milliseconds))",
            "scenario.tombstoneAge = .milliseconds(\(self.tombstoneAge.milliseconds))",
            "scenario.auditSpares = \(self.auditSpares)",
            "scenario.releaseGrace = .milliseconds(\(self.releaseGrace.milliseconds))",
            "scenario.layoutChanges = \(self.layoutChanges?.source ?? "nil")",
            "scenario.tidies = \(self.tidies)",
            "scenario.part = .milliseconds(\(self.part.milliseconds))",
            "scenario.workload.clients = \(workload.clients)",
            "scenario.workload.keys = \(workload.keys)",
            "scenario.workload.pauseMicroseconds = \(workload.pauseMicroseconds)",
            "scenario.workload.conditionPermille = \(workload.conditionPermille)",
            "scenario.workload.absentPermille = \(workload.absentPermille)",
            "scenario.workload.namedLately = \(workload.namedLately)",
            "scenario.workload.chunkedPermille = \(workload.chunkedPermille)",
            "scenario.workload.largeBodies = \(workload.largeBodies)",
            "scenario.workload.reducedPermille = \(workload.reducedPermille)",
            "scenario.workload.ownPermille = \(workload.ownPermille)",
            "scenario.workload.bodyPauseMicroseconds = \(workload.bodyPauseMicroseconds)",
            "scenario.workload.abortPercent = \(workload.abortPercent)",
            "scenario.workload.weights = [\(weights)]",
        ]
        if let changes = self.layoutChanges {
            lines.append("scenario.layoutChanges?.scrapPermille = \(changes.scrapPermille)")
            lines.append("scenario.layoutChanges?.asksStayers = \(changes.asksStayers)")
        }
        if let pause = self.sweepPause {
            lines.append("scenario.sweepPause = .milliseconds(\(pause.milliseconds))")
        }
        if let pause = self.auditPause {
            lines.append("scenario.auditPause = .milliseconds(\(pause.milliseconds))")
        }
        lines.append("scenario.holdUps = [:]")
        for step in RareStep.allCases {
            guard let holdUp = self.holdUps[step] else { continue }
            lines.append("scenario.holdUps[.\(step.rawValue)] = \(holdUp.source)")
        }
        if self.sabotage != [] {
            lines.append("scenario.sabotage = Sabotage(rawValue: \(self.sabotage.rawValue))")
        }
        if self.acceptorSabotage != [] {
            let value = self.acceptorSabotage.rawValue
            lines.append("scenario.acceptorSabotage = AcceptorSabotage(rawValue: \(value))")
        }
        if self.nodeSabotage != [] {
            lines.append(
                "scenario.nodeSabotage = NodeSabotage(rawValue: \(self.nodeSabotage.rawValue))"
            )
        }
        lines.append("#expect(World.run(scenario).violations == [])")
        return lines.joined(separator: "\n")
    }
}

extension Duration {
    var milliseconds: Int64 {
        self.components.seconds * 1_000 + self.components.attoseconds / 1_000_000_000_000_000
    }
}
