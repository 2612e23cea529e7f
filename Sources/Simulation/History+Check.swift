extension History {
    /// Whether one order explains what clients saw of each key, and of the bucket.
    ///
    /// - Parameter partner: The other key of a key's pair, between which objects are renamed; nil
    ///   if it has none.
    /// - Returns: operations that were put in order, and keys on which the checker gave up.
    package func check(
        pairs partner: (Int) -> Int? = { _ in nil }
    ) -> (checked: Int, gaveUp: Int) {
        var (checked, gaveUp) = (0, 0)
        let bodies = self.bodies
        for key in self.operations.indices {
            let other = partner(key)
            if let other, other < key { continue }
            let operations = self.operations(of: key, and: other)
            switch Linearizability.check(operations, bodies: bodies) {
            case .linearizable: checked += operations.count
            case .gaveUp: gaveUp += 1
            case .violation(let story):
                let keys = "k\(key)" + (other.map { " and k\($0)" } ?? "")
                self.report(Violation(.notLinearizable, "\(keys): \(story)"))
            }
        }
        switch Linearizability.check(self.bucketOperations, bodies: [:]) {
        case .linearizable: checked += self.bucketOperations.count
        case .gaveUp: gaveUp += 1
        case .violation(let story):
            self.report(Violation(.bucketNotLinearizable, story))
        }
        if self.violations.isEmpty { self.checkSights(bodies, pairs: partner) }
        return (checked, gaveUp)
    }

    /// What clients did to a key, and to the other one of its pair if it has one.
    private func operations(of key: Int, and other: Int?) -> [KeyOperation] {
        let operations = self.operations
        guard let other else { return operations[key] }
        return operations[key]
            + operations[other].map { operation in
                var operation = operation
                operation.place = 1
                return operation
            }
    }

    /// Combinations that are looked at for one thing that was seen; there are hundreds of them.
    private static let sightPlacesMax = 10_000

    /// Each prefix that was listed, and each bucket that was said not to be empty, is explained by
    /// a key: it is still in order with one more operation that saw something there.
    private func checkSights(_ bodies: [Int: Int], pairs partner: (Int) -> Int?) {
        for sight in self.sights {
            let isExplained = sight.keys.contains { key in
                let verdict = Linearizability.check(
                    self.operations(of: key, and: partner(key)) + [sight.operation],
                    bodies: bodies,
                    placesMax: Self.sightPlacesMax
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
