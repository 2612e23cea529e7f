import SimulatedRuntime
import Synchronization

/// What happened in a run, line by line, each with its virtual time.
///
/// Every line is part of the trace hash.
final class Story: Sendable {
    private let simulator: Simulator
    private let kept = Mutex<[String]>([])

    init(_ simulator: Simulator) { self.simulator = simulator }

    var lines: [String] { self.kept.withLock { $0 } }

    func tell(_ line: String) {
        let microseconds = self.simulator.nanoseconds / 1_000
        let whole =
            "\(Self.padded(microseconds / 1_000, 7)).\(Self.zeroes(microseconds % 1_000)) ms  "
        self.simulator.note(whole + line)
        self.kept.withLock { $0.append(whole + line) }
    }

    private static func padded(_ number: UInt64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: " ", count: max(0, width - digits.count)) + digits
    }

    private static func zeroes(_ number: UInt64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 3 - digits.count)) + digits
    }
}
