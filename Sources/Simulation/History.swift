import StoreModel
import Synchronization

/// What all clients did and saw.
package final class History: Sendable {
    /// What is known of the bytes of a version or a part.
    package struct Body: Hashable, Sendable {
        /// Some of the bytes that a put has made.
        package struct Piece: Hashable, Sendable {
            package let put: Int
            /// Of all that the put has made.
            package let bytes: Int
            package let range: Range<Int>
        }

        /// The put that made the bytes, or put them together.
        package let put: Int
        package let bytes: Int
        package let etag: String
        package let pieces: [Piece]

        package init(put: Int, bytes: Int, etag: String) {
            self.put = put
            self.bytes = bytes
            self.etag = etag
            self.pieces = bytes > 0 ? [Piece(put: put, bytes: bytes, range: 0..<bytes)] : []
        }

        package init(pieces: [Piece], etag: String, put: Int) {
            self.put = put
            self.bytes = pieces.reduce(0) { $0 + $1.range.count }
            self.etag = etag
            self.pieces = pieces
        }

        /// The bytes of one put, as it made them.
        ///
        /// No list of parts, not even of empty ones: another one may be taken instead.
        var isPlain: Bool {
            self == Body(put: self.put, bytes: self.bytes, etag: self.etag)
                && !self.etag.contains("-")
        }

        /// Some of the bytes, in a body without a known ETag.
        package func slice(_ range: Range<Int>, of put: Int) -> Body {
            var start = 0
            var pieces: [Piece] = []
            for piece in self.pieces {
                let from = max(range.lowerBound, start)
                let to = min(range.upperBound, start + piece.range.count)
                if from < to {
                    let base = piece.range.lowerBound - start
                    pieces.append(
                        Piece(put: piece.put, bytes: piece.bytes, range: base + from..<base + to)
                    )
                }
                start += piece.range.count
            }
            return Body(pieces: pieces, etag: "", put: put)
        }
    }

    /// One of some keys held something.
    package struct Sight: Sendable {
        let keys: [Int]
        let operation: KeyOperation
    }

    package struct Counts: Hashable, Sendable {
        package var succeeded = 0
        /// Refused for good reason: a false condition, nothing there.
        package var refused = 0
        /// Certainly not done.
        package var failed = 0
        package var unknown = 0
        /// Of those that succeeded: objects and parts that were copied.
        package var copies = 0

        package var total: Int { self.succeeded + self.refused + self.failed + self.unknown }
    }

    private struct State {
        /// By key, in the order in which they ended.
        var operations: [[KeyOperation]]
        /// Those on the bucket: its state is the number of the operation that created it.
        var bucket: [KeyOperation] = []
        var sights: [Sight] = []
        /// By tag; several where it is not known which list of parts was taken.
        var bodies: [Int: [Body]] = [:]
        var counts = Counts()
        var number = 0
        var pending: [Int: String] = [:]
        var violations: [Violation] = []
        var dead: Set<ManifestID> = []
    }

    private let state: Mutex<State>

    package init(keys: Int) {
        self.state = Mutex(State(operations: Array(repeating: [], count: keys)))
    }

    /// Gives an operation its number, from 1.
    package func begin(_ what: String) -> Int {
        self.state.withLock { state in
            state.number += 1
            state.pending[state.number] = what
            return state.number
        }
    }

    package func end(_ number: Int, _ count: WritableKeyPath<Counts, Int>) {
        self.state.withLock { state in
            state.pending[number] = nil
            state.counts[keyPath: count] += 1
        }
    }

    /// An operation that succeeded was a copy.
    package func countCopy() { self.state.withLock { $0.counts.copies += 1 } }

    package func add(_ operation: KeyOperation, key: Int) {
        self.state.withLock { $0.operations[key].append(operation) }
    }

    func addToBucket(_ operation: KeyOperation) {
        self.state.withLock { $0.bucket.append(operation) }
    }

    func addSight(_ sight: Sight) { self.state.withLock { $0.sights.append(sight) } }

    var bucketOperations: [KeyOperation] { self.state.withLock { $0.bucket } }

    var sights: [Sight] { self.state.withLock { $0.sights } }

    package func setBody(_ body: Body, of tag: Int) {
        self.state.withLock { $0.bodies[tag] = [body] }
    }

    /// Notes what else a version may have, told apart by its ETag.
    package func addBody(_ body: Body, of tag: Int) {
        self.state.withLock { state in
            if state.bodies[tag, default: []].contains(where: { $0.etag == body.etag }) { return }
            state.bodies[tag, default: []].append(body)
        }
    }

    /// The body of a version; nil if there is none, or it is not known which it is.
    package func body(of tag: Int) -> Body? {
        self.state.withLock { $0.bodies[tag].flatMap { $0.count == 1 ? $0.first : nil } }
    }

    package func body(of tag: Int, etag: String) -> Body? {
        self.state.withLock { $0.bodies[tag]?.first { $0.etag == etag } }
    }

    package func report(_ violation: Violation) {
        self.state.withLock { state in
            // One broken promise is enough to look at; a thousand of them hide the first.
            if state.violations.count < 20 { state.violations.append(violation) }
        }
    }

    /// Notes whether a manifest is dead by what is chosen.
    ///
    /// - Returns: whether it has been dead before.
    func note(_ manifest: ManifestID, isDead: Bool) -> Bool {
        self.state.withLock { state in
            isDead ? !state.dead.insert(manifest).inserted : state.dead.contains(manifest)
        }
    }

    package var counts: Counts { self.state.withLock { $0.counts } }

    package var violations: [Violation] { self.state.withLock { $0.violations } }

    /// Operations that have not ended, in the order in which they began.
    package var pending: [String] {
        self.state.withLock { state in
            state.pending.sorted { $0.key < $1.key }.map { "#\($0.key) \($0.value)" }
        }
    }

    package var operations: [[KeyOperation]] { self.state.withLock { $0.operations } }

    /// For each tag the first put that had the same body: bodies of a byte or none are often alike.
    package var bodies: [Int: Int] {
        self.state.withLock { state in
            var first: [String: Int] = [:]
            for (tag, bodies) in state.bodies.sorted(by: { $0.key < $1.key }) {
                guard let body = bodies.first, bodies.count == 1, first[body.etag] == nil else {
                    continue
                }
                first[body.etag] = tag
            }
            return state.bodies.compactMapValues { bodies in
                guard let body = bodies.first else { return nil }
                return bodies.count == 1 ? first[body.etag] ?? body.put : body.put
            }
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
