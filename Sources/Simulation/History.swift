import Synchronization

/// What all clients did and saw.
final class History: Sendable {
    /// What is known of the bytes of a version.
    struct Body: Hashable, Sendable {
        /// The put that made the bytes.
        let put: Int
        let bytes: Int
        let etag: String
    }

    struct Counts: Hashable, Sendable {
        var succeeded = 0
        /// Refused for good reason: a false condition, nothing there.
        var refused = 0
        /// Certainly not done.
        var failed = 0
        var unknown = 0

        var total: Int { self.succeeded + self.refused + self.failed + self.unknown }
    }

    private struct State {
        /// By key, in the order in which they ended.
        var operations: [[KeyOperation]]
        /// By tag.
        var bodies: [Int: Body] = [:]
        var counts = Counts()
        var number = 0
        var pending: [Int: String] = [:]
        var violations: [Violation] = []
    }

    private let state: Mutex<State>

    init(keys: Int) {
        self.state = Mutex(State(operations: Array(repeating: [], count: keys)))
    }

    /// Gives an operation its number, from 1.
    func begin(_ what: String) -> Int {
        self.state.withLock { state in
            state.number += 1
            state.pending[state.number] = what
            return state.number
        }
    }

    func end(_ number: Int, _ count: WritableKeyPath<Counts, Int>) {
        self.state.withLock { state in
            state.pending[number] = nil
            state.counts[keyPath: count] += 1
        }
    }

    func add(_ operation: KeyOperation, key: Int) {
        self.state.withLock { $0.operations[key].append(operation) }
    }

    func setBody(_ body: Body, of tag: Int) { self.state.withLock { $0.bodies[tag] = body } }

    func body(of tag: Int) -> Body? { self.state.withLock { $0.bodies[tag] } }

    func report(_ violation: Violation) {
        self.state.withLock { state in
            // One broken promise is enough to look at; a thousand of them hide the first.
            if state.violations.count < 20 { state.violations.append(violation) }
        }
    }

    var counts: Counts { self.state.withLock { $0.counts } }

    var violations: [Violation] { self.state.withLock { $0.violations } }

    /// Operations that have not ended, in the order in which they began.
    var pending: [String] {
        self.state.withLock { state in
            state.pending.sorted { $0.key < $1.key }.map { "#\($0.key) \($0.value)" }
        }
    }

    var operations: [[KeyOperation]] { self.state.withLock { $0.operations } }

    /// For each tag the first put that had the same body: bodies of a byte or none are often alike.
    var bodies: [Int: Int] {
        self.state.withLock { state in
            var first: [String: Int] = [:]
            for (tag, body) in state.bodies.sorted(by: { $0.key < $1.key })
            where first[body.etag] == nil { first[body.etag] = tag }
            return state.bodies.mapValues { first[$0.etag] ?? $0.put }
        }
    }
}

/// Counts those who have ended.
final class EndCount: Sendable {
    private let left: Mutex<Int>

    init(_ count: Int) { self.left = Mutex(count) }

    func add() { self.left.withLock { $0 -= 1 } }

    var isComplete: Bool { self.left.withLock { $0 <= 0 } }
}
