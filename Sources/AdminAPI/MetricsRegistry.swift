package import CoreMetrics
import Synchronization

/// All time series of the process, behind swift-metrics.
///
/// A series is a name and a set of labels; asking for it twice gives the same one. A name keeps the
/// type it had first; a series of another type under that name counts, but is not exported.
/// Why not a ready-made exporter: docs/decisions/0009-metrics-exporter.md.
package final class MetricsRegistry: MetricsFactory {
    /// Put before every name.
    package static let prefix = "triolet_"
    /// Most label sets of one name.
    ///
    /// Past it, all further ones share one, labelled "other".
    package static let labelSetsMax = 200

    struct Family {
        let kind: MetricKind
        var series: [MetricLabels: any MetricSeries] = [:]
    }

    private let families = Mutex<[String: Family]>([:])

    package init() {}

    package func makeCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any CounterHandler {
        self.series(label, dimensions) { CounterSeries() }
    }

    package func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        self.series(label, dimensions) { FloatingPointCounterSeries() }
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        self.series(label, dimensions) { GaugeSeries() }
    }

    package func makeRecorder(
        label: String,
        dimensions: [(String, String)],
        aggregate: Bool
    ) -> any RecorderHandler {
        aggregate
            ? self.series(label, dimensions) { HistogramSeries(bounds: HistogramSeries.sizes) }
            : self.series(label, dimensions) { GaugeSeries() }
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        self.series(label, dimensions) { HistogramSeries(bounds: HistogramSeries.seconds) }
    }

    // Series live as long as the process: a counter that vanished could not be told from a restart.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}

    /// All series in the Prometheus text format, sorted by name and labels.
    package func text() -> String {
        let families = self.families.withLock { $0 }
        var text = PrometheusText()
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text.begin(name, family.kind)
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                series.write(name, labels, to: &text)
            }
        }
        return text.text
    }

    private func series<Series: MetricSeries>(
        _ label: String,
        _ dimensions: [(String, String)],
        make: () -> Series
    ) -> Series {
        let name = Self.name(label)
        let labels = MetricLabels(dimensions)
        return self.families.withLock { families in
            var family = families[name] ?? Family(kind: Series.kind)
            if let known = family.series[labels] as? Series { return known }
            guard family.kind == Series.kind, family.series[labels] == nil else { return make() }
            var place = labels
            if family.series.count >= Self.labelSetsMax {
                place = labels.overflow
                if let known = family.series[place] as? Series { return known }
            }
            let series = make()
            family.series[place] = series
            families[name] = family
            return series
        }
    }

    /// The exported name: prefixed, and of letters, digits and underscores only.
    static func name(_ label: String) -> String {
        let plain = String(
            label.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") ? $0 : "_" }
        )
        return plain.hasPrefix(Self.prefix) ? plain : Self.prefix + plain
    }
}

/// The types that the text format knows of, as far as we use them.
enum MetricKind: String {
    case counter
    case gauge
    case histogram
}

/// The labels of one series, sorted by name.
struct MetricLabels: Hashable, Comparable {
    struct Pair: Hashable {
        let name: String
        let value: String
    }

    let pairs: [Pair]

    init(_ dimensions: [(String, String)]) {
        self.pairs = dimensions.map { Pair(name: $0.0, value: $0.1) }.sorted { $0.name < $1.name }
    }

    /// The same names, every value "other".
    var overflow: MetricLabels { MetricLabels(self.pairs.map { ($0.name, "other") }) }

    static func < (left: MetricLabels, right: MetricLabels) -> Bool {
        left.pairs.lexicographicallyPrecedes(right.pairs) {
            ($0.name, $0.value) < ($1.name, $1.value)
        }
    }
}
