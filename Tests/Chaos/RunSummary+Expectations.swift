import Foundation

extension RunSummary {
    /// Between these lines of a page the table stands.
    private static let marks = ("<!-- chaos: table -->", "<!-- chaos: end -->")

    /// A row for people who read a page.
    private var row: String {
        let share = String(format: "%.2f", self.errorShare * 100)
        let stall = String(format: "%.0f", self.longestStall)
        let through = String(format: "%.0f", self.longestStallThroughWell)
        return "| \(self.scenario) | \(self.seed) | \(self.operations) | \(self.faults)"
            + " | \(self.violations.count) | \(self.errors) (\(share) %) | \(stall) ms"
            + " | \(through) ms | \(self.checked) | \(String(format: "%.0f", self.load)) |"
    }

    /// Replaces the table of a page.
    static func write(_ summaries: [RunSummary], to path: String) throws {
        let page = try String(contentsOfFile: path, encoding: .utf8)
        guard let start = page.firstRange(of: Self.marks.0)?.upperBound,
            let end = page[start...].firstRange(of: Self.marks.1)?.lowerBound
        else { throw ChaosError("\(path) has no \(Self.marks.0) and \(Self.marks.1)") }
        let head = [
            "| scenario | seed | operations | faults | violations | errors after a retry"
                + " | longest stall | through nodes that ran | checked | load |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]
        let table = (head + summaries.map(\.row)).joined(separator: "\n")
        let whole = page[..<start] + "\n" + table + "\n" + page[end...]
        try String(whole).write(toFile: path, atomically: true, encoding: .utf8)
    }

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
