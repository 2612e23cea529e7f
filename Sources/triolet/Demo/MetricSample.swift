import S3Client

/// The metrics of all nodes at one moment, added up.
struct MetricSample: Sendable {
    /// By name and labels as exported: `triolet_copies_total{how="held"}`.
    private(set) var values: [String: Double] = [:]

    static func take(from cluster: LocalCluster) async throws -> MetricSample {
        var sample = MetricSample()
        for number in cluster.plan.numbers {
            sample.add(try await cluster.admin(number).get("/metrics").text)
        }
        return sample
    }

    mutating func add(_ text: String) {
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard
                let blank = line.lastIndex(of: " "),
                let value = Double(line[line.index(after: blank)...])
            else { continue }
            self.values[String(line[..<blank]), default: 0] += value
        }
    }

    /// All series of that name, or those with all of these labels, added up.
    func sum(_ name: String, _ labels: [String: String] = [:]) -> Double {
        self.values.reduce(0) { sum, sample in
            guard sample.key == name || sample.key.hasPrefix(name + "{") else { return sum }
            let fits = labels.allSatisfy { sample.key.contains("\($0.key)=\"\($0.value)\"") }
            return fits ? sum + sample.value : sum
        }
    }

    /// How much more there is than in an earlier sample; never negative.
    func more(than earlier: MetricSample, _ name: String, _ labels: [String: String] = [:])
        -> UInt64
    {
        UInt64(max(0, self.sum(name, labels) - earlier.sum(name, labels)))
    }
}
