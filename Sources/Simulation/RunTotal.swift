import Coordinator

/// What came of many runs.
package struct RunTotal: Hashable, Sendable, CustomStringConvertible {
    package private(set) var runs = 0
    package private(set) var operations = 0
    package private(set) var copies = 0
    package private(set) var unknown = 0
    package private(set) var checked = 0
    package private(set) var gaveUp = 0
    /// Changes of the layout that were carried out, and runs with any.
    package private(set) var layoutChanges = 0
    package private(set) var changingRuns = 0
    package private(set) var crashes = 0
    /// Runs in which changes were combined, and in which some were forwarded.
    package private(set) var combining = 0
    package private(set) var forwarding = 0
    package private(set) var steps: UInt64 = 0
    package private(set) var virtualSeconds: UInt64 = 0
    package private(set) var violations = 0

    package init() {}

    package mutating func add(_ report: RunReport) {
        self.runs += 1
        self.operations += report.operations
        self.copies += report.copies
        self.unknown += report.unknown
        self.checked += report.checked
        self.gaveUp += report.gaveUp
        self.layoutChanges += report.layoutChanges
        self.changingRuns += report.layoutChanges > 0 ? 1 : 0
        self.crashes += report.crashes
        self.combining += report.writes.combined > 0 ? 1 : 0
        self.forwarding += report.writes.received > 0 ? 1 : 0
        self.steps += report.steps
        self.virtualSeconds += report.virtualSeconds
        self.violations += report.violations.count
    }

    package var description: String {
        "\(self.runs) runs, \(self.virtualSeconds) virtual seconds, \(self.crashes) crashes, "
            + "\(self.layoutChanges) changes of the layout in \(self.changingRuns) runs, "
            + "\(self.operations) operations (\(self.copies) copies; "
            + "\(self.unknown) of unknown outcome), "
            + "\(self.checked) checked for linearizability (gave up on \(self.gaveUp) keys), "
            + "changes combined in \(self.combining) runs, forwarded in \(self.forwarding), "
            + "\(self.steps) steps, \(self.violations) violations"
    }
}
