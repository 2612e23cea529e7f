import CoreMetrics
import Synchronization

/// One time series that knows how to write itself.
protocol MetricSeries: AnyObject, Sendable {
    static var kind: MetricKind { get }

    func write(_ name: String, _ labels: MetricLabels, to text: inout PrometheusText)
}

final class CounterSeries: MetricSeries, CounterHandler {
    static var kind: MetricKind { .counter }

    private let value = Atomic<Int64>(0)

    func increment(by amount: Int64) {
        self.value.wrappingAdd(amount, ordering: .relaxed)
    }

    func reset() { self.value.store(0, ordering: .relaxed) }

    func write(_ name: String, _ labels: MetricLabels, to text: inout PrometheusText) {
        text.sample(name, labels, self.value.load(ordering: .relaxed))
    }
}

final class FloatingPointCounterSeries: MetricSeries, FloatingPointCounterHandler {
    static var kind: MetricKind { .counter }

    private let value = Mutex(0.0)

    func increment(by amount: Double) { self.value.withLock { $0 += amount } }

    func reset() { self.value.withLock { $0 = 0 } }

    func write(_ name: String, _ labels: MetricLabels, to text: inout PrometheusText) {
        text.sample(name, labels, self.value.withLock { $0 })
    }
}

final class GaugeSeries: MetricSeries, MeterHandler, RecorderHandler {
    static var kind: MetricKind { .gauge }

    private let value = Mutex(0.0)

    func set(_ value: Int64) { self.set(Double(value)) }

    func set(_ value: Double) { self.value.withLock { $0 = value } }

    func increment(by amount: Double) { self.value.withLock { $0 += amount } }

    func decrement(by amount: Double) { self.value.withLock { $0 -= amount } }

    func record(_ value: Int64) { self.set(value) }

    func record(_ value: Double) { self.set(value) }

    func write(_ name: String, _ labels: MetricLabels, to text: inout PrometheusText) {
        text.sample(name, labels, self.value.withLock { $0 })
    }
}

/// Counts values by size.
///
/// Timers are histograms of seconds, other recorders of plain numbers.
final class HistogramSeries: MetricSeries, RecorderHandler, TimerHandler {
    /// From half a millisecond, below which nothing here is worth telling apart, to a client's
    /// patience.
    static let seconds = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
    ]
    /// Powers of four, from 1 to 4 Gi.
    static let sizes = (0...16).map { Double(UInt64(1) << (2 * $0)) }

    static var kind: MetricKind { .histogram }

    private struct Counts {
        /// One more than bounds: the last one counts what is above all of them.
        var buckets: [UInt64]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let counts: Mutex<Counts>

    init(bounds: [Double]) {
        precondition(!bounds.isEmpty && zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
        self.bounds = bounds
        self.counts = Mutex(Counts(buckets: Array(repeating: 0, count: bounds.count + 1)))
    }

    func record(_ value: Int64) { self.record(Double(value)) }

    func record(_ value: Double) {
        let bucket = self.bounds.firstIndex { value <= $0 } ?? self.bounds.count
        self.counts.withLock { counts in
            counts.buckets[bucket] += 1
            counts.sum += value
        }
    }

    func recordNanoseconds(_ duration: Int64) { self.record(Double(duration) / 1e9) }

    func write(_ name: String, _ labels: MetricLabels, to text: inout PrometheusText) {
        let counts = self.counts.withLock { $0 }
        var total: UInt64 = 0
        for (bound, count) in zip(self.bounds + [.infinity], counts.buckets) {
            total += count
            text.bucket(name, labels, upTo: bound, Int64(clamping: total))
        }
        text.sample(name + "_sum", labels, counts.sum)
        text.sample(name + "_count", labels, Int64(clamping: total))
    }
}
