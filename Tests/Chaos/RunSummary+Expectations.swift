extension RunSummary {
    /// What a node may have more at the end than in the quarter of the run before: pages that the
    /// system gives back late.
    private static let growthNoise = 16 << 20

    /// What is not as it was expected to be, in words.
    func failures(_ expectation: Scenario.Expectation) -> [String] {
        switch expectation {
        case .onlySlowDown:
            return self.whys.filter { $0.key != "SlowDown" }.sorted { $0.key < $1.key }.map {
                "expected no answer but SlowDown: \($0.value) x \($0.key)"
            }
        case .slowDown:
            return self.whys["SlowDown", default: 0] > 0 ? [] : ["expected SlowDown: none"]
        case .success:
            return self.errors == 0
                ? [] : ["expected success: \(self.errors) operations failed each time"]
        case .memory(let bytes):
            return self.memory.flatMap { node in
                var failures: [String] = []
                if node.most > bytes {
                    failures.append("expected memory below \(bytes >> 20) MiB: \(node)")
                }
                if node.fourthQuarter > node.thirdQuarter + Self.growthNoise {
                    failures.append("expected memory not to grow: \(node)")
                }
                return failures
            }
        case .answersWithin(let time):
            let most = time / .milliseconds(1)
            return self.answered.longest <= most
                ? [] : ["expected answers within \(time): \(self.answered.longest) ms"]
        }
    }
}
