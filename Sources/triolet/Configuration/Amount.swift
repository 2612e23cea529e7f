/// Sizes and durations as people write them: "64MiB", "500ms".
enum Amount {
    private static let sizes: [(unit: String, bytes: UInt64)] = [
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
        ("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
        ("B", 1),
    ]
    private static let durations: [(unit: String, milliseconds: UInt64)] = [
        ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000),
    ]

    /// Bytes; nil if the text is no size or too large for 64 bits.
    static func bytes(_ text: String) -> UInt64? {
        if let plain = UInt64(text) { return plain }
        return self.product(text, of: self.sizes.map { ($0.unit, $0.bytes) })
    }

    static func duration(_ text: String) -> Duration? {
        self.product(text, of: self.durations.map { ($0.unit, $0.milliseconds) })
            .flatMap { Int64(exactly: $0) }
            .map { .milliseconds($0) }
    }

    private static func product(_ text: String, of units: [(String, UInt64)]) -> UInt64? {
        let text = text.filter { $0 != " " }
        for (unit, factor) in units where text.hasSuffix(unit) {
            guard let number = UInt64(text.dropLast(unit.count)) else { continue }
            let (product, overflow) = number.multipliedReportingOverflow(by: factor)
            return overflow ? nil : product
        }
        return nil
    }

    /// For people: "64.0 MiB", "12 bytes".
    static func text(bytes: UInt64) -> String {
        let units: [(String, UInt64)] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)]
        for (unit, shift) in units where bytes >> shift > 0 {
            let tenths = ((bytes >> (shift - 10)) * 10) >> 10
            return "\(tenths / 10).\(tenths % 10) \(unit)"
        }
        return "\(bytes) bytes"
    }

    /// For settings: "64MiB", "500ms"; the largest unit that leaves a whole number.
    static func setting(bytes: UInt64) -> String {
        for (unit, size) in self.sizes.prefix(4).reversed()
        where bytes > 0 && bytes % size == 0 { return "\(bytes / size)\(unit)" }
        return "\(bytes)"
    }

    static func setting(_ duration: Duration) -> String {
        let milliseconds = UInt64(duration / .milliseconds(1))
        for (unit, length) in self.durations.reversed()
        where milliseconds > 0 && milliseconds % length == 0 {
            return "\(milliseconds / length)\(unit)"
        }
        return "\(milliseconds)ms"
    }

    /// Three digits that matter, in seconds: "0.412 s", "0.0061 s", "12.3 s".
    static func text(_ duration: Duration) -> String {
        let microseconds = UInt64(max(0, duration / .microseconds(1)))
        var unit: UInt64 = 1
        while microseconds / unit >= 1_000 { unit *= 10 }
        let rounded = (microseconds + unit / 2) / unit * unit
        let whole = rounded / 1_000_000
        var fraction = String(rounded % 1_000_000 + 1_000_000).dropFirst()
        while fraction.count > 1, fraction.hasSuffix("0") { fraction = fraction.dropLast() }
        return "\(whole).\(fraction) s"
    }
}
