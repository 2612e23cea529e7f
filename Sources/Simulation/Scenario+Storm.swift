import SimulatedRuntime

extension Scenario {
    /// Makes it a storm of copies: nearly all that clients do is to make versions of others, by
    /// reference, independently, onto themselves or part by part, and to delete them.
    ///
    /// Machines die all the time, and nothing else goes wrong.
    package mutating func storm() {
        self.nodes = max(3, self.nodes)
        self.faults = FaultPlan(kinds: [.crashes], pauseMicroseconds: 500_000...3_000_000)
        self.formsUnderFire = false
        self.holdUps = [:]
        self.layoutChanges = nil
        self.workload.clients = 6
        self.workload.keys = 6
        self.workload.pauseMicroseconds = 60_000
        self.workload.chunkedPermille = 700
        self.workload.conditionPermille = 100
        self.workload.weights = [
            (.put, 12), (.get, 6), (.delete, 12), (.copy, 60), (.upload, 20),
        ]
        self.part = .seconds(12)
    }
}
