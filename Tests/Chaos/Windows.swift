import Synchronization

/// When something was wrong, and with whom.
final class Windows: Sendable {
    struct Window: Hashable, Sendable {
        let start: UInt64
        /// Nil while it lasts.
        var end: UInt64?
        /// Whose process stood still or was away; nil if it was something else.
        let node: Int?
    }

    /// What a fault leaves behind counts as its time: connections are made again, rows caught up.
    static let afterwards: UInt64 = 2_000_000_000

    private let state = Mutex<[Window]>([])

    var all: [Window] { self.state.withLock { $0 } }

    /// - Returns: its place, for ``close(_:at:)``.
    func open(at now: UInt64, node: Int? = nil) -> Int {
        self.state.withLock { windows in
            windows.append(Window(start: now, end: nil, node: node))
            return windows.count - 1
        }
    }

    func close(_ place: Int, at now: UInt64) {
        self.state.withLock { $0[place].end = now }
    }

    /// Ends what is wrong with a node's process.
    func close(node: Int, at now: UInt64) {
        self.state.withLock { windows in
            for place in windows.indices
            where windows[place].node == node && windows[place].end == nil {
                windows[place].end = now
            }
        }
    }
}

extension [Windows.Window] {
    /// Whether something was wrong at any time from `start` to `end`, or shortly before.
    func touch(_ start: UInt64, _ end: UInt64, after: UInt64 = Windows.afterwards) -> Bool {
        self.contains { $0.start <= end && start <= ($0.end ?? .max - after) + after }
    }

    /// Whether the node's process stood still or was away at any time from `start` to `end`.
    func isAway(_ node: Int, _ start: UInt64, _ end: UInt64) -> Bool {
        self.filter { $0.node == node }.touch(start, end, after: 0)
    }
}
