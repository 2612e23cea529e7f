import Simulation
import Synchronization

/// What clients do.
enum OperationKind: String, Hashable, Sendable, CaseIterable {
    case put
    case get
    case head
    case copy
    case delete
    case list
    case parts
}

/// One operation as its client saw it: one attempt, or two.
struct Sample: Sendable {
    struct Attempt: Hashable, Sendable {
        let node: Int
        let start: UInt64
        let end: UInt64
        let isAnswered: Bool
    }

    let kind: OperationKind
    let attempts: [Attempt]

    var start: UInt64 { self.attempts.first?.start ?? 0 }
    var end: UInt64 { self.attempts.last?.end ?? 0 }
    var isFailed: Bool { self.attempts.last?.isAnswered != true }
    var nanoseconds: UInt64 { self.end - self.start }
}

/// What all clients did and saw, in real time, and what they know of bodies.
final class Recorder: Sendable {
    private struct State {
        var samples: [Sample] = []
        /// What was last seen in a key.
        var known: [Int: History.Body] = [:]
        var byETag: [String: History.Body] = [:]
        /// Copies whose content is not known before somebody sees it: source, and when they began.
        var copies: [Int: (source: Int, start: UInt64)] = [:]
        var errors: [String: Int] = [:]
    }

    let history: History
    let oracle: BodyOracle
    /// Keys of one generation.
    let keys: Int
    let generations: Int
    private let begin = ContinuousClock.now
    private let state = Mutex(State())

    init(seed: UInt64, keys: Int, generations: Int) {
        self.history = History(keys: keys * generations)
        self.oracle = BodyOracle(seed: seed)
        self.keys = keys
        self.generations = generations
    }

    /// Nanoseconds since the beginning.
    var now: UInt64 { Self.nanoseconds(ContinuousClock.now - self.begin) }

    static func nanoseconds(_ time: Duration) -> UInt64 {
        UInt64(max(0, time / .nanoseconds(1)))
    }

    func name(_ key: Int) -> String { "g\(key / self.keys)/k\(key % self.keys)" }

    func add(_ sample: Sample) { self.state.withLock { $0.samples.append(sample) } }

    var samples: [Sample] { self.state.withLock { $0.samples } }

    func countError(_ text: String) { self.state.withLock { $0.errors[text, default: 0] += 1 } }

    /// Attempts without an answer, by what was wrong.
    var errors: [String: Int] { self.state.withLock { $0.errors } }

    // MARK: Bodies

    /// A new body for a put.
    func register(_ body: History.Body) {
        self.history.setBody(body, of: body.put)
        self.state.withLock { $0.byETag[body.etag] = body }
    }

    func body(etag: String) -> History.Body? { self.state.withLock { $0.byETag[etag] } }

    func known(_ key: Int) -> History.Body? { self.state.withLock { $0.known[key] } }

    func saw(_ body: History.Body?, in key: Int) { self.state.withLock { $0.known[key] = body } }

    /// A copy whose source may be anything.
    func expectCopy(_ tag: Int, of source: Int, from start: UInt64) {
        self.state.withLock { $0.copies[tag] = (source, start) }
    }

    /// The body of a version that somebody sees at this moment; nil if there can be none like it.
    ///
    /// With the first sight of a copy it is known what its source held.
    func body(of tag: Int, etag: String) -> History.Body? {
        if let body = self.history.body(of: tag, etag: etag) { return body }
        guard let copy = self.state.withLock({ $0.copies.removeValue(forKey: tag) }),
            let body = self.body(etag: etag)
        else { return nil }
        self.history.setBody(body, of: tag)
        self.history.add(
            KeyOperation(
                number: tag,
                .presentBody(of: body.put),
                invoked: copy.start,
                responded: self.now
            ),
            key: copy.source
        )
        return body
    }
}
