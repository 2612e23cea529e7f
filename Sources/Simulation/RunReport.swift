package import Coordinator

/// What came of a run.
package struct RunReport: Sendable {
    package let scenario: Scenario
    package let violations: [Violation]
    package let operations: Int
    /// Of those that succeeded: objects and parts that were copied.
    package let copies: Int
    package let succeeded: Int
    package let unknown: Int
    /// Operations on keys that were put in order.
    package let checked: Int
    /// Keys on which the checker gave up.
    package let gaveUp: Int
    /// Changes of the layout that were carried out.
    package let layoutChanges: Int
    package let crashes: Int
    /// How registers were changed, over all coordinators.
    package let writes: WriteCounts
    package let steps: UInt64
    package let virtualSeconds: UInt64
    package let traceHash: UInt64
    package let story: [String]
    /// What is still in memory although the run is over.
    package var leftBehind: [String] = []
}

extension RunReport {
    /// One line, with the trace hash: the same for the same seed.
    package var summary: String {
        let hash = String(self.traceHash, radix: 16)
        return "seed \(self.scenario.seed): \(self.operations) operations, "
            + "\(self.succeeded) succeeded, \(self.unknown) of unknown outcome, "
            + "\(self.crashes) crashes, \(self.layoutChanges) changes of the layout, "
            + "\(self.virtualSeconds) virtual seconds, "
            + "\(self.steps) steps, \(self.violations.count) violations, trace \(hash)"
    }
}
