/// Writes the Prometheus text exposition format, version 0.0.4.
///
/// Source: https://prometheus.io/docs/instrumenting/exposition_formats/, "Text-based format".
struct PrometheusText {
    /// The value of the Content-Type header.
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private(set) var text = ""

    /// Starts a group of samples; all samples of one name stand together.
    mutating func begin(_ name: String, _ kind: MetricKind) {
        self.text += "# HELP \(name) \(MetricHelp.text(name))\n# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func sample(_ name: String, _ labels: MetricLabels, _ value: Int64) {
        self.line(name, labels.pairs, "\(value)")
    }

    mutating func sample(_ name: String, _ labels: MetricLabels, _ value: Double) {
        self.line(name, labels.pairs, Self.number(value))
    }

    /// How many values were at most `bound`.
    mutating func bucket(
        _ name: String,
        _ labels: MetricLabels,
        upTo bound: Double,
        _ count: Int64
    ) {
        let bound = MetricLabels.Pair(name: "le", value: Self.number(bound))
        self.line(name + "_bucket", labels.pairs + [bound], "\(count)")
    }

    private mutating func line(_ name: String, _ labels: [MetricLabels.Pair], _ value: String) {
        self.text += name
        if !labels.isEmpty {
            let pairs = labels.map { "\($0.name)=\"\(Self.escape($0.value))\"" }
            self.text += "{" + pairs.joined(separator: ",") + "}"
        }
        self.text += " \(value)\n"
    }

    /// Whole numbers without a fraction; infinity and not-a-number as the format spells them.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }

    static func escape(_ value: String) -> String {
        var escaped = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
