package import Coordinator
package import Register

/// A rule of the protocol that a run can break on purpose, by the name that the command line uses.
package enum SabotageName: String, Hashable, Sendable, CaseIterable {
    case registerQuorumOfOne
    case chunkQuorumOfOne
    case copyWithoutHold
    case releaseIgnoresFence
    case noFloor

    package var sabotage: Sabotage {
        switch self {
        case .registerQuorumOfOne: .registerQuorumOfOne
        case .chunkQuorumOfOne: .chunkQuorumOfOne
        case .copyWithoutHold: .copyWithoutHold
        case .releaseIgnoresFence: .releaseIgnoresFence
        case .noFloor: []
        }
    }

    package var acceptorSabotage: AcceptorSabotage {
        switch self {
        case .noFloor: .noFloor
        default: []
        }
    }
}

extension Scenario {
    /// Breaks one rule in the whole run, and sees to it that the rule matters there.
    package mutating func `break`(_ rule: SabotageName) {
        self.sabotage = rule.sabotage
        self.acceptorSabotage = rule.acceptorSabotage
        switch rule {
        case .registerQuorumOfOne, .copyWithoutHold: break
        case .chunkQuorumOfOne:
            self.suffer([.loss, .crashes])
        case .releaseIgnoresFence:
            // A fence matters where holds are released that may yet be needed: to audits, and there
            // to copies whose accepts are late.
            self.audits = true
            self.suffer([.lateness, .clogs])
        case .noFloor: self.erase([.lateness, .duplicates, .loss])
        }
    }

    /// Few keys that come and go all the time, erased soon.
    private mutating func erase(_ kinds: [FaultPlan.Kind]) {
        self.nodes = 3
        self.erasesSoon = true
        self.faults = FaultPlan(kinds: kinds, pauseMicroseconds: 60_000...200_000)
        self.workload.clients = 5
        self.workload.keys = 5
        self.workload.pauseMicroseconds = 400_000
        self.workload.chunkedPermille = 0
        // A change that starts from what is gone shows in its condition.
        self.workload.conditionPermille = 700
        self.workload.largeBodies = 0
        self.workload.weights = [(.put, 30), (.get, 30), (.delete, 40)]
    }

    /// Many copies of chunks, and these faults often.
    private mutating func suffer(_ kinds: [FaultPlan.Kind]) {
        self.faults = FaultPlan(kinds: kinds, pauseMicroseconds: 100_000...500_000)
        self.workload.chunkedPermille = 1_000
        self.workload.conditionPermille = 0
        self.workload.largeBodies = 0
        self.workload.weights = [(.put, 20), (.copy, 60), (.get, 10), (.delete, 5)]
    }
}

/// What came of many runs.
package struct RunTotal: Hashable, Sendable, CustomStringConvertible {
    package private(set) var runs = 0
    package private(set) var operations = 0
    package private(set) var unknown = 0
    package private(set) var checked = 0
    package private(set) var gaveUp = 0
    package private(set) var crashes = 0
    package private(set) var steps: UInt64 = 0
    package private(set) var virtualSeconds: UInt64 = 0
    package private(set) var violations = 0

    package init() {}

    package mutating func add(_ report: RunReport) {
        self.runs += 1
        self.operations += report.operations
        self.unknown += report.unknown
        self.checked += report.checked
        self.gaveUp += report.gaveUp
        self.crashes += report.crashes
        self.steps += report.steps
        self.virtualSeconds += report.virtualSeconds
        self.violations += report.violations.count
    }

    package var description: String {
        "\(self.runs) runs, \(self.virtualSeconds) virtual seconds, \(self.crashes) crashes, "
            + "\(self.operations) operations (\(self.unknown) of unknown outcome), "
            + "\(self.checked) checked for linearizability (gave up on \(self.gaveUp) keys), "
            + "\(self.steps) steps, \(self.violations) violations"
    }
}

extension RunReport {
    /// One line, with the trace hash: the same for the same seed.
    package var summary: String {
        let hash = String(self.traceHash, radix: 16)
        return "seed \(self.scenario.seed): \(self.operations) operations, "
            + "\(self.succeeded) succeeded, \(self.unknown) of unknown outcome, "
            + "\(self.crashes) crashes, \(self.virtualSeconds) virtual seconds, "
            + "\(self.steps) steps, \(self.violations.count) violations, trace \(hash)"
    }
}
