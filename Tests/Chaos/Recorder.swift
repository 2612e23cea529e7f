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
        /// In words, with its number.
        let what: String
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
        /// Copies whose content is not known before somebody sees their tag, by tag.
        var copies: [Int: Copy] = [:]
        var errors: [String: Int] = [:]
    }

    private struct Copy {
        let source: Int
        let target: Int
        let start: UInt64
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

    /// A copy of whatever its source holds.
    func expectCopy(_ tag: Int, of source: Int, to target: Int, from start: UInt64) {
        self.state.withLock {
            $0.copies[tag] = Copy(source: source, target: target, start: start)
        }
    }

    /// It was certainly not made.
    func dismissCopy(_ tag: Int) { self.state.withLock { $0.copies[tag] = nil } }

    /// What somebody learns who sees a body in a key at this moment, but not whose it is.
    ///
    /// If a copy of unknown outcome may have brought something there that nobody knows, only that
    /// there is something.
    func sight(of body: History.Body, in key: Int) -> KeyOperation.Action {
        let isUncertain = self.state.withLock { state in
            state.copies.values.contains { $0.target == key }
        }
        return isUncertain ? .present : .presentBody(of: body.put)
    }

    /// The body of a version that somebody sees at this moment; nil if there can be none like it.
    ///
    /// With the first sight of a copy it is known what its source held.
    func body(of tag: Int, etag: String) -> History.Body? {
        if let body = self.history.body(of: tag, etag: etag) { return body }
        guard let copy = self.state.withLock({ $0.copies[tag] }), let body = self.body(etag: etag)
        else { return nil }
        self.history.setBody(body, of: tag)
        self.dismissCopy(tag)
        self.history.add(
            KeyOperation(
                number: tag,
                self.sight(of: body, in: copy.source),
                invoked: copy.start,
                responded: self.now
            ),
            key: copy.source
        )
        return body
    }
}
