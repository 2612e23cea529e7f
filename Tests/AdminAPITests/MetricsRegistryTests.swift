import AdminAPI
import CoreMetrics
import Testing

struct MetricsRegistryTests {
    @Test("Counters, gauges and histograms are written as the text format has them")
    func exposition() {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "copies_total", dimensions: [("how", "pulled")])
            .increment(by: 3)
        registry.makeCounter(label: "copies_total", dimensions: [("how", "held")]).increment(by: 4)
        registry.makeRecorder(label: "ring_epoch", dimensions: [], aggregate: false)
            .record(Int64(7))
        registry.makeTimer(label: "copy_seconds", dimensions: []).recordNanoseconds(3_000_000)

        let lines = registry.text().split(separator: "\n").map(String.init)
        #expect(
            lines.prefix(4) == [
                "# HELP triolet_copies_total triolet_copies_total",
                "# TYPE triolet_copies_total counter",
                "triolet_copies_total{how=\"held\"} 4",
                "triolet_copies_total{how=\"pulled\"} 3",
            ]
        )
        #expect(lines.contains("# TYPE triolet_copy_seconds histogram"))
        #expect(lines.contains("triolet_copy_seconds_bucket{le=\"0.0025\"} 0"))
        #expect(lines.contains("triolet_copy_seconds_bucket{le=\"0.005\"} 1"))
        #expect(lines.contains("triolet_copy_seconds_bucket{le=\"+Inf\"} 1"))
        #expect(lines.contains("triolet_copy_seconds_sum 0.003"))
        #expect(lines.contains("triolet_copy_seconds_count 1"))
        #expect(
            lines.suffix(3) == [
                "# HELP triolet_ring_epoch Epoch of the layout in force; 0 before the first.",
                "# TYPE triolet_ring_epoch gauge",
                "triolet_ring_epoch 7",
            ]
        )
    }

    @Test("Asking twice for a series gives one series, in whatever order its labels come")
    func sameSeries() {
        let registry = MetricsRegistry()
        let first = [("peer", "n1"), ("type", "read")]
        registry.makeCounter(label: "calls_total", dimensions: first).increment(by: 1)
        registry.makeCounter(label: "calls_total", dimensions: first.reversed()).increment(by: 1)
        #expect(registry.text().contains("triolet_calls_total{peer=\"n1\",type=\"read\"} 2\n"))
    }

    @Test("Past the bound, further label sets share one series, so memory stays bounded")
    func boundedLabels() {
        let registry = MetricsRegistry()
        let count = MetricsRegistry.labelSetsMax + 50
        for number in 0..<count {
            registry.makeCounter(label: "calls_total", dimensions: [("peer", "n\(number)")])
                .increment(by: 1)
        }
        let lines = registry.text().split(separator: "\n")
        let samples = lines.filter { !$0.hasPrefix("#") }
        #expect(samples.count == MetricsRegistry.labelSetsMax + 1)
        #expect(samples.contains("triolet_calls_total{peer=\"other\"} 50"))
    }

    @Test("A name keeps its first type; a series of another type is not exported")
    func oneTypePerName() {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "things", dimensions: []).increment(by: 1)
        registry.makeTimer(label: "things", dimensions: [("a", "b")]).recordNanoseconds(1)
        #expect(!registry.text().contains("histogram"))
        #expect(registry.text().hasSuffix("triolet_things 1\n"))
    }

    @Test("A label value cannot break out of its quotes")
    func hostileLabel() {
        let registry = MetricsRegistry()
        let value = "a\"} 1\nfake_metric{x=\"\\"
        registry.makeCounter(label: "calls-total", dimensions: [("key", value)]).increment(by: 1)
        let samples = registry.text().split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(samples == [#"triolet_calls_total{key="a\"} 1\nfake_metric{x=\"\\"} 1"#])
    }

    @Test("Increments from many tasks are all counted")
    func concurrentIncrements() async {
        let registry = MetricsRegistry()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1_000 {
                        registry.makeCounter(label: "n_total", dimensions: []).increment(by: 1)
                    }
                }
            }
        }
        #expect(registry.text().hasSuffix("triolet_n_total 8000\n"))
    }
}
