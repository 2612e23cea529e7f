extension History {
    /// Whether one order explains what clients saw of each key, and of the bucket.
    ///
    /// - Returns: operations that were put in order, and keys on which the checker gave up.
    package func check() -> (checked: Int, gaveUp: Int) {
        var (checked, gaveUp) = (0, 0)
        let bodies = self.bodies
        for (key, operations) in self.operations.enumerated() {
            switch Linearizability.check(operations, bodies: bodies) {
            case .linearizable: checked += operations.count
            case .gaveUp: gaveUp += 1
            case .violation(let story):
                self.report(Violation(.notLinearizable, "k\(key): \(story)"))
            }
        }
        switch Linearizability.check(self.bucketOperations, bodies: [:]) {
        case .linearizable: checked += self.bucketOperations.count
        case .gaveUp: gaveUp += 1
        case .violation(let story):
            self.report(Violation(.bucketNotLinearizable, story))
        }
        if self.violations.isEmpty { self.checkSights(bodies) }
        return (checked, gaveUp)
    }

    /// Each prefix that was listed, and each bucket that was said not to be empty, is explained by
    /// a key: it is still in order with one more operation that saw something there.
    private func checkSights(_ bodies: [Int: Int]) {
        let operations = self.operations
        for sight in self.sights {
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
            self.report(
                Violation(
                    .notThere,
                    "#\(sight.operation.number) was told that there is something among \(keys)"
                )
            )
        }
    }
}
