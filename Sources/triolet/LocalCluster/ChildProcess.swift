import Foundation

/// A process that we started once, maybe in an earlier run of the program.
///
/// Its id alone could by now belong to somebody else, so the time of its start is remembered as
/// well.
struct ChildProcess: Hashable, Sendable {
    let id: Int32
    /// In clock ticks since the machine's start, as the kernel counts them.
    let startTicks: UInt64

    /// The process with that id, if there is one.
    init?(id: Int32) {
        guard let status = Self.status(of: id), status.state != "Z" else { return nil }
        self.id = id
        self.startTicks = status.startTicks
    }

    /// Reads what ``remember(in:)`` wrote.
    init?(file: String) {
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
        let words = text.split { $0.isWhitespace }
        guard words.count == 2, let id = Int32(words[0]), id > 0, let ticks = UInt64(words[1])
        else { return nil }
        self.id = id
        self.startTicks = ticks
    }

    func remember(in file: String) throws {
        try "\(self.id) \(self.startTicks)\n".write(toFile: file, atomically: true, encoding: .utf8)
    }

    var isRunning: Bool {
        guard let status = Self.status(of: self.id) else { return false }
        // What has ended and only waits for its parent to notice does not run.
        return status.state != "Z" && status.startTicks == self.startTicks
    }

    /// Sends a signal, unless the process has ended.
    func send(_ signal: Int32) {
        if self.isRunning { _ = kill(self.id, signal) }
    }

    /// Waits until the process has ended.
    ///
    /// - Returns: whether it has.
    func ended(within limit: Duration) async -> Bool {
        let deadline = ContinuousClock.now + limit
        while self.isRunning {
            guard ContinuousClock.now < deadline else { return false }
            try? await Task.sleep(for: .milliseconds(20))
        }
        return true
    }

    /// Fields 3 and 22 of `/proc/ID/stat`; the name in field 2 may contain anything but ends with
    /// `)`.
    private static func status(of id: Int32) -> (state: Substring, startTicks: UInt64)? {
        guard
            let text = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let ticks = UInt64(fields[19]) else { return nil }
        return (state: fields[0], startTicks: ticks)
    }
}
