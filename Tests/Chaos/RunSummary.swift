import Foundation
import Simulation

/// What one scenario has shown.
struct RunSummary: Sendable, Codable {
    struct Latency: Sendable, Codable {
        var operations = 0
        /// In milliseconds.
        var median = 0.0
        var p99 = 0.0
        var longest = 0.0

        init(_ nanoseconds: [UInt64]) {
            let sorted = nanoseconds.sorted().map { Double($0) / 1e6 }
            guard let last = sorted.last else { return }
            self.operations = sorted.count
            self.median = sorted[sorted.count / 2]
            self.p99 = sorted[min(sorted.count - 1, sorted.count * 99 / 100)]
            self.longest = last
        }
    }

    /// One kind of operation: while all was well, and while something was wrong.
    struct Kind: Sendable, Codable {
        var kind: String
        var quiet: Latency
        var faulty: Latency
        /// The latter without attempts through nodes that stood still or were away.
        var throughWell: Latency
    }

    var scenario = ""
    var title = ""
    var seed: UInt64 = 0
    var seconds = 0.0
    /// Operations of clients, whether tried once or twice.
    var operations = 0
    var copies = 0
    var retried = 0
    /// Without an answer after the second attempt.
    var errors = 0
    /// Attempts of which nobody knows whether they were carried out.
    var unknown = 0
    var faults = 0
    var checked = 0
    var gaveUp = 0
    var violations: [String] = []
    /// From a client's call to the answer, with a second attempt if there was one.
    var longestStall = 0.0
    /// Likewise, of single attempts through nodes that ran.
    var longestStallThroughWell = 0.0
    /// From the start of a process until it was ready.
    var readyAfter: [Double] = []
    var kinds: [Kind] = []
    /// Single attempts that were answered, but for objects of parts.
    var answered = Latency([])
    var memory: [MemoryWatch.Node] = []
    /// Of the machine, over the last minute, when clients had ended.
    var load = 0.0
    var whys: [String: Int] = [:]
    /// The slowest attempts through nodes that ran, in words.
    var slowest: [String] = []
    var links = ""

    /// Of a broken store there may be one for each key.
    private static let violationsShown = 10

    var errorShare: Double {
        self.operations == 0 ? 0 : Double(self.errors) / Double(self.operations)
    }

    mutating func take(_ recorder: Recorder, _ windows: [Windows.Window]) {
        let samples = recorder.samples
        let counts = recorder.history.counts
        self.operations = samples.count
        self.copies = counts.copies
        self.unknown = counts.unknown
        self.retried = samples.count { $0.attempts.count > 1 }
        self.errors = samples.count(where: \.isFailed)
        self.whys = recorder.errors
        // An object of parts takes several requests.
        let single = samples.filter { $0.kind != .parts }
        self.longestStall = Double(single.map(\.nanoseconds).max() ?? 0) / 1e6
        let well = Self.attempts(of: single, windows)
        self.slowest = well.sorted { $0.end - $0.start > $1.end - $1.start }.prefix(5).map {
            "\(($0.end - $0.start) / 1_000_000) ms: \($0.what) after"
                + " \(String(format: "%.1f", Double($0.start) / 1e9)) s"
        }
        self.answered = Latency(
            single.flatMap(\.attempts).filter(\.isAnswered).map { $0.end - $0.start }
        )
        self.load = MemoryWatch.load
        self.longestStallThroughWell = Double(well.map { $0.end - $0.start }.max() ?? 0) / 1e6
        for kind in OperationKind.allCases {
            let own = samples.filter { $0.kind == kind }
            let (faulty, quiet) = Self.divided(own) { windows.touch($0.start, $0.end) }
            let through = Self.attempts(of: faulty, windows).map { $0.end - $0.start }
            self.kinds.append(
                Kind(
                    kind: kind.rawValue,
                    quiet: Latency(quiet.map(\.nanoseconds)),
                    faulty: Latency(faulty.map(\.nanoseconds)),
                    throughWell: Latency(through)
                )
            )
        }
    }

    private static func divided(
        _ samples: [Sample],
        _ isFirst: (Sample) -> Bool
    ) -> ([Sample], [Sample]) {
        (samples.filter(isFirst), samples.filter { !isFirst($0) })
    }

    /// Attempts through nodes that ran all the while.
    private static func attempts(
        of samples: [Sample],
        _ windows: [Windows.Window]
    ) -> [Sample.Attempt] {
        samples.flatMap(\.attempts).filter { !windows.isAway($0.node, $0.start, $0.end) }
    }
}

extension RunSummary {
    /// For people.
    var lines: [String] {
        func text(_ number: Double) -> String { String(format: "%.0f", number) }
        var lines = [
            "\(self.scenario): \(self.operations) operations (\(self.copies) copies),"
                + " \(self.faults) faults, \(self.violations.count) violations;"
                + " \(self.retried) tried twice, \(self.errors) without an answer then"
                + " (\(String(format: "%.3f", self.errorShare * 100)) %);"
                + " longest stall \(text(self.longestStall)) ms,"
                + " through nodes that ran \(text(self.longestStallThroughWell)) ms"
        ]
        for kind in self.kinds where ["put", "get", "copy"].contains(kind.kind) {
            let well = kind.throughWell
            lines.append(
                "  \(kind.kind): quiet p99 \(text(kind.quiet.p99)) ms of \(kind.quiet.operations)"
                    + " (median \(text(kind.quiet.median))), in faults \(text(kind.faulty.p99)) ms"
                    + " of \(kind.faulty.operations) (median \(text(kind.faulty.median))),"
                    + " through nodes that ran \(text(well.p99)) ms"
            )
        }
        lines.append(
            "  \(self.checked) checked for linearizability, gave up on \(self.gaveUp) keys;"
                + " \(self.unknown) of unknown outcome"
        )
        lines.append(
            "  answered requests: median \(text(self.answered.median)) ms,"
                + " p99 \(text(self.answered.p99)) ms, longest \(text(self.answered.longest)) ms;"
                + " load of the machine \(text(self.load))"
        )
        for node in self.memory { lines.append("  memory of \(node)") }
        if !self.readyAfter.isEmpty {
            let times = self.readyAfter.map { String(format: "%.2f", $0) }
            lines.append("  ready after \(times.joined(separator: ", ")) s")
        }
        for slow in self.slowest { lines.append("  \(slow)") }
        if !self.links.isEmpty { lines.append("  links: \(self.links)") }
        for (why, count) in self.whys.sorted(by: { $0.key < $1.key }) {
            lines.append("  \(count) x \(why)")
        }
        for violation in self.violations.prefix(Self.violationsShown) {
            lines.append("  VIOLATION \(violation)")
        }
        let more = self.violations.count - Self.violationsShown
        if more > 0 { lines.append("  and \(more) violations more (--json)") }
        return lines
    }
}
