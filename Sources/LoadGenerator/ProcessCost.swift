import Foundation

/// What processes have used since they started, as the kernel counts it.
package struct ProcessCost: Hashable, Sendable {
    /// User and system time of all threads, to 10 ms.
    package var processorSeconds = 0.0
    /// Bytes that were sent to be written to disk (`write_bytes`).
    package var writtenBytes: UInt64 = 0
    /// Resident now, and at the most so far; pages that processes share count in each.
    package var memoryBytes: UInt64 = 0
    package var memoryPeakBytes: UInt64 = 0

    package init() {}

    /// The sum over some processes; those that are gone count nothing.
    package static func total(_ processes: [Int32]) -> ProcessCost {
        var total = ProcessCost()
        for process in processes {
            total.processorSeconds += self.processorSeconds(process)
            total.writtenBytes += self.fields("/proc/\(process)/io")["write_bytes"] ?? 0
            let status = self.fields("/proc/\(process)/status")
            total.memoryBytes += (status["VmRSS"] ?? 0) << 10
            total.memoryPeakBytes += (status["VmHWM"] ?? 0) << 10
        }
        return total
    }

    /// What we ourselves have used.
    static func own() -> Double { self.processorSeconds(getpid()) }

    /// Seconds that all processors together were not idle since the machine started.
    static func machineSeconds() -> Double {
        let line = self.text("/proc/stat").prefix { $0 != "\n" }
        let fields = line.split(separator: " ").dropFirst().compactMap { Double($0) }
        guard fields.count >= 8 else { return 0 }
        // user, nice, system, (idle, iowait,) irq, softirq, steal.
        return (fields[0] + fields[1] + fields[2] + fields[5] + fields[6] + fields[7]) / self.ticks
    }

    private static let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))

    /// Fields 14 and 15 of `/proc/ID/stat`; the name in field 2 ends with the last `)`.
    private static func processorSeconds(_ process: Int32) -> Double {
        let text = self.text("/proc/\(process)/stat")
        guard let end = text.lastIndex(of: ")") else { return 0 }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12])
        else { return 0 }
        return (user + system) / self.ticks
    }

    /// Lines like `VmRSS:   123 kB`.
    private static func fields(_ path: String) -> [String: UInt64] {
        var fields: [String: UInt64] = [:]
        for line in self.text(path).split(separator: "\n") {
            let words = line.split { $0 == ":" || $0 == " " || $0 == "\t" }
            if words.count >= 2, let value = UInt64(words[1]) { fields[String(words[0])] = value }
        }
        return fields
    }

    private static func text(_ path: String) -> String {
        (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    }
}
