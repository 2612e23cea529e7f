import Foundation

/// One thing to measure: work that is done over and over.
struct Benchmark {
    let name: String
    /// What one operation moves, for a rate; 0 if that says nothing.
    var bytes = 0
    /// Does it so many times.
    let work: (Int) async throws -> Void

    init(_ name: String, bytes: Int = 0, each: @escaping () throws -> Void) {
        self.init(name, bytes: bytes) { (count: Int) async throws in
            for _ in 0..<count { try each() }
        }
    }

    init(_ name: String, bytes: Int = 0, work: @escaping (Int) async throws -> Void) {
        self.name = name
        self.bytes = bytes
        self.work = work
    }
}

/// Measures, and prints a table.
struct Harness {
    /// Of each benchmark; the median counts, and the least says what a quiet machine would show.
    var samples = 11
    /// A sample is as many operations as take about this long.
    var sampleTime = Duration.milliseconds(60)

    static let head = """
        | benchmark | median | least | CPU of all threads | |
        |---|---|---|---|---|
        """

    func run(_ benchmark: Benchmark) async throws {
        var count = 1
        while true {
            let time = try await ContinuousClock().measure { try await benchmark.work(count) }
            if time * 2 >= self.sampleTime || count > 50_000_000 { break }
            count *= 2
        }
        var times: [Double] = []
        let before = Self.processorNanoseconds()
        for _ in 0..<self.samples {
            let time = try await ContinuousClock().measure { try await benchmark.work(count) }
            times.append(time / .nanoseconds(1) / Double(count))
        }
        let cpu = (Self.processorNanoseconds() - before) / Double(self.samples * count)
        times.sort()
        let median = times[times.count / 2]
        let rate =
            benchmark.bytes > 0
            ? "\(Int(Double(benchmark.bytes) * 1_000 / median)) MB/s" : ""
        print(
            "| \(benchmark.name) | \(Self.text(median)) | \(Self.text(times[0])) |"
                + " \(Self.text(cpu)) | \(rate) |"
        )
        fflush(nil)
    }

    private static func processorNanoseconds() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }

    private static func text(_ nanoseconds: Double) -> String {
        if nanoseconds < 1_000 { return String(format: "%.0f ns", nanoseconds) }
        if nanoseconds < 1_000_000 { return String(format: "%.2f us", nanoseconds / 1e3) }
        return String(format: "%.2f ms", nanoseconds / 1e6)
    }
}

/// Keeps a value from being optimised away.
@inline(never)
func keep<Value>(_ value: Value) { withExtendedLifetime(value) {} }
