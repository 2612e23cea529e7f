/// Finds the name that somebody probably meant.
enum NearestName {
    /// The nearest of `names`, if it is near enough to be worth a word.
    static func of(_ name: String, among names: [String]) -> String? {
        let scored = names.map { (name: $0, distance: self.distance(name, $0)) }
        guard let best = scored.min(by: { ($0.distance, $0.name) < ($1.distance, $1.name) }) else {
            return nil
        }
        return best.distance <= max(2, name.count / 3) ? best.name : nil
    }

    /// Insertions, deletions and replacements between two names (Levenshtein).
    ///
    /// - Complexity: the product of the lengths.
    static func distance(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        var row = Array(0...right.count)
        for (line, character) in left.enumerated() {
            var diagonal = row[0]
            row[0] = line + 1
            for (column, other) in right.enumerated() {
                let replaced = diagonal + (character == other ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, row[column] + 1, row[column + 1] + 1)
            }
        }
        return row[right.count]
    }
}
