import Foundation
import LoadGenerator

/// Results of a bench as lines for people.
enum BenchText {
    private static let columns: [(name: String, width: Int)] = [
        ("workload", 28), ("ops", 8), ("errors", 6), ("ops/s", 8), ("MB/s", 7), ("p50 ms", 8),
        ("p99 ms", 8), ("max ms", 8), ("server CPU ms/op", 16), ("own CPU ms/op", 13),
        ("written B/op", 12), ("memory MiB", 10), ("other cores", 11),
    ]

    static var head: String { self.line(self.columns.map(\.name)) }

    static func line(_ measured: LoadResult) -> String {
        var name = measured.workload
        if measured.operation.contains("/") { name = "  \(measured.operation)" }
        let rate = measured.keys > 0 ? " (\(self.number(measured.keysPerSecond)) keys/s)" : ""
        return self.line([
            name, String(measured.operations), String(measured.errors),
            self.number(measured.operationsPerSecond),
            self.number(measured.megabytesPerSecond),
            self.number(measured.p50Milliseconds), self.number(measured.p99Milliseconds),
            self.number(measured.maxMilliseconds),
            self.number(measured.serverMillisecondsPerOperation),
            self.number(measured.clientMillisecondsPerOperation),
            self.number(measured.writtenBytesPerOperation),
            self.number(Double(measured.serverMemoryBytes >> 20)),
            self.number(measured.otherCores),
        ]) + rate
    }

    /// Names to the left, numbers to the right.
    private static func line(_ cells: [String]) -> String {
        var line = ""
        for (index, cell) in cells.enumerated() {
            let blanks = String(
                repeating: " ",
                count: max(0, self.columns[index].width - cell.count)
            )
            line += index == 0 ? cell + blanks : "  " + blanks + cell
        }
        return line
    }

    /// Three digits that matter.
    static func number(_ value: Double) -> String {
        if value == 0 { return "0" }
        if value >= 100 { return String(Int(value.rounded())) }
        return String(format: value >= 10 ? "%.1f" : value >= 1 ? "%.2f" : "%.3f", value)
    }
}
