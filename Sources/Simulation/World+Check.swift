import Coordinator
import SimulatedRuntime
import StorageNode

extension World {
    /// Whether one order explains what clients saw of each key, and of the bucket.
    ///
    /// - Returns: operations that were put in order, and keys on which the checker gave up.
    func checkHistory() -> (checked: Int, gaveUp: Int) {
        var (checked, gaveUp) = (0, 0)
        let bodies = self.history.bodies
        for (key, operations) in self.history.operations.enumerated() {
            switch Linearizability.check(operations, bodies: bodies) {
            case .linearizable: checked += operations.count
            case .gaveUp: gaveUp += 1
            case .violation(let story):
                self.history.report(Violation(.notLinearizable, "k\(key): \(story)"))
            }
        }
        switch Linearizability.check(self.history.bucketOperations, bodies: [:]) {
        case .linearizable: checked += self.history.bucketOperations.count
        case .gaveUp: gaveUp += 1
        case .violation(let story):
            self.history.report(Violation(.bucketNotLinearizable, story))
        }
        if self.history.violations.isEmpty { self.checkSights(bodies) }
        return (checked, gaveUp)
    }

    /// Each prefix that was listed, and each bucket that was said not to be empty, is explained by
    /// a key: it is still in order with one more operation that saw something there.
    private func checkSights(_ bodies: [Int: Int]) {
        let operations = self.history.operations
        for sight in self.history.sights {
            let isExplained = sight.keys.contains { key in
                let verdict = Linearizability.check(
                    operations[key] + [sight.operation],
                    bodies: bodies
                )
                if case .violation = verdict { return false }
                return true
            }
            guard !isExplained else { continue }
            let keys = sight.keys.map { "k\($0)" }.joined(separator: ", ")
            self.history.report(
                Violation(
                    .notThere,
                    "#\(sight.operation.number) was told that there is something among \(keys)"
                )
            )
        }
    }

    /// No node serves whose disk was put back to an earlier state, or emptied.
    func checkRetired() {
        for member in self.cluster.all where member.isRetired {
            guard member.coordinator != nil, member.node?.isInService == true else { continue }
            self.history.report(
                Violation(.servesForgotten, "\(member.name) serves with what it has forgotten")
            )
        }
    }
}
