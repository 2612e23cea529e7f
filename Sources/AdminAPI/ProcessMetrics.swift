import CoreMetrics
import Foundation

/// What the kernel says of the process.
package struct ProcessMetrics: Sendable {
    private let resident = Gauge(label: "process_resident_memory_bytes")
    private let residentPeak = Gauge(label: "process_resident_memory_peak_bytes")
    private let openFiles = Gauge(label: "process_open_fds")

    package init() {}

    /// Reads the present values.
    ///
    /// What cannot be read keeps its last value.
    package func refresh() {
        if let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) {
            if let bytes = Self.bytes("VmRSS", in: status) { self.resident.record(bytes) }
            if let bytes = Self.bytes("VmHWM", in: status) { self.residentPeak.record(bytes) }
        }
        if let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            self.openFiles.record(files.count)
        }
    }

    /// The bytes of a line such as `VmRSS:     33124 kB`.
    static func bytes(_ name: String, in status: String) -> Int64? {
        for line in status.split(separator: "\n") where line.hasPrefix(name + ":") {
            let words = line.split { $0 == " " || $0 == "\t" }
            guard words.count == 3, words[2] == "kB" else { return nil }
            return Int64(words[1]).map { $0 << 10 }
        }
        return nil
    }
}
