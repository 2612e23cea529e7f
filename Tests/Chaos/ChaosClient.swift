import NIOCore
import S3Client
import S3Protocol
import SimulatedRuntime
import Simulation

/// Does one thing after another, through any node, and writes down what it saw.
///
/// What has no answer is tried once more, through another node. Keys with even numbers are written
/// under conditions as well, and what is copied to them is known beforehand.
struct ChaosClient {
    static let bucket = "chaos"
    /// S3's smallest part but for the last.
    static let partBytes = 5 << 20
    private static let tagHeader = "x-amz-meta-tag"

    let recorder: Recorder
    /// Of node 1, 2, ...
    let nodes: [S3Client]
    let pause: Duration
    /// Attempts at an operation, at most.
    var tries = 2
    var random: SplitMix64
    /// What was begun last.
    var last = ""

    var history: History { self.recorder.history }

    /// How an attempt ended.
    enum Outcome: Hashable, Sendable {
        case answered
        case failed
    }

    /// An attempt at an operation.
    struct Call: Sendable {
        let number: Int
        let node: Int
        let start: UInt64
    }

    /// What a node says to a request.
    enum Answer: Sendable {
        case done(S3Answer)
        case preconditionFailed
        case notFound
        /// Certainly not done.
        case failed
        case unknown
    }

    /// Works on the keys of one generation after another until the time is over.
    mutating func work(for time: Duration) async {
        let end = self.recorder.now + Recorder.nanoseconds(time)
        let generationTime = Recorder.nanoseconds(time) / UInt64(self.recorder.generations) + 1
        let begin = self.recorder.now
        while self.recorder.now < end {
            let pause = self.random.number(in: 0...Int(self.pause / .microseconds(1)))
            try? await Task.sleep(for: .microseconds(pause))
            let generation = Int((self.recorder.now - begin) / generationTime)
            let key =
                min(generation, self.recorder.generations - 1) * self.recorder.keys
                + self.random.number(in: 0...(self.recorder.keys - 1))
            let kind = self.kind()
            let first = self.random.number(in: 1...self.nodes.count)
            var attempts = [await self.attempt(kind, key, at: first)]
            while let last = attempts.last, !last.isAnswered, attempts.count < self.tries {
                await self.holdBack(attempts.count)
                let others = (1...self.nodes.count).filter { $0 != last.node }
                let next = others.isEmpty ? last.node : self.random.pick(others)
                attempts.append(await self.attempt(kind, key, at: next))
            }
            self.recorder.add(Sample(kind: kind, attempts: attempts))
        }
    }

    /// Waits before another attempt: 1 to 2 s as nodes ask for, then longer, up to 8 to 16 s.
    ///
    /// With one more attempt only it is made at once: another node may be well.
    private mutating func holdBack(_ attempts: Int) async {
        guard self.tries > 2 else { return }
        let seconds = 1 << min(attempts - 1, 3)
        let pause = self.random.number(in: (seconds * 1_000)...(seconds * 2_000))
        try? await Task.sleep(for: .milliseconds(pause))
    }

    private mutating func kind() -> OperationKind {
        switch self.random.number(in: 0...99) {
        case 0..<28: .put
        case 28..<55: .get
        case 55..<63: .head
        case 63..<85: .copy
        case 85..<91: .delete
        case 91..<98: .list
        default: .parts
        }
    }

    private mutating func attempt(
        _ kind: OperationKind,
        _ key: Int,
        at node: Int
    ) async -> Sample.Attempt {
        let start = self.recorder.now
        let outcome =
            switch kind {
            case .put: await self.put(key, at: node)
            case .get: await self.get(key, at: node, isWhole: self.random.chance(permille: 700))
            case .head: await self.head(key, at: node)
            case .copy: await self.copy(to: key, at: node)
            case .delete: await self.delete(key, at: node)
            case .list: await self.list(key / self.recorder.keys, at: node)
            case .parts: await self.upload(key, at: node)
            }
        return Sample.Attempt(
            node: node,
            start: start,
            end: self.recorder.now,
            isAnswered: outcome == .answered,
            what: self.last
        )
    }

    // MARK: Asking

    mutating func begin(_ what: String, at node: Int) -> Call {
        let number = self.history.begin("\(what) at n\(node)")
        self.last = "#\(number) \(what) at n\(node)"
        return Call(number: number, node: node, start: self.recorder.now)
    }

    func ask(_ request: S3Request, at node: Int) async -> Answer {
        do {
            return .done(try await self.nodes[node - 1].send(request))
        } catch { return self.answer(for: error, request.method) }
    }

    func answer(for error: any Error, _ what: String) -> Answer {
        switch error {
        case let failure as S3Failure
        where failure.status == 412 || failure.code == "PreconditionFailed":
            // The answer to a copy that takes long begins before it is known.
            return .preconditionFailed
        case let failure as S3Failure where failure.code == "NoSuchBucket":
            self.history.report(Violation(.bucketNotLinearizable, "\(what): \(failure)"))
            return .failed
        case let failure as S3Failure
        where failure.status == 404 || failure.code == "NoSuchKey":
            return .notFound
        case let failure as S3Failure where failure.isSlowDown:
            // Once an answer has begun, its headers are gone.
            let isSilent = failure.status == 503 && failure.retryAfter == nil
            self.recorder.countError(isSilent ? "SlowDown without Retry-After" : "SlowDown")
            // docs/s3/errors.md: nothing was changed.
            return .failed
        case let failure as S3Failure:
            self.recorder.countError("\(failure.status) \(failure.code)")
            return .unknown
        case HTTPClientError.notConnected:
            self.recorder.countError("not connected")
            return .failed
        case HTTPClientError.broken(let reason) where reason.contains("silent"):
            self.recorder.countError("silent for too long")
            return .unknown
        default:
            self.recorder.countError("connection broken")
            return .unknown
        }
    }

    func headers(tag: Int) -> [HeaderField] { [HeaderField(Self.tagHeader, "\(tag)")] }

    func tag(of answer: S3Answer) -> Int? { answer[header: Self.tagHeader].flatMap { Int($0) } }

    // MARK: Writing down

    func add(
        _ call: Call,
        _ key: Int,
        _ action: KeyOperation.Action,
        responded: UInt64? = nil
    ) {
        let operation = KeyOperation(
            number: call.number,
            action,
            invoked: call.start,
            responded: responded ?? self.recorder.now
        )
        self.history.add(operation, key: key)
    }

    func end(_ call: Call, _ count: WritableKeyPath<History.Counts, Int>) -> Outcome {
        self.history.end(call.number, count)
        return count == \.succeeded || count == \.refused ? .answered : .failed
    }

    /// Nobody knows whether it was done.
    func endUnknown(_ call: Call, _ key: Int, _ action: KeyOperation.Action) -> Outcome {
        let operation = KeyOperation(
            number: call.number,
            action,
            invoked: call.start,
            responded: nil
        )
        self.history.add(operation, key: key)
        return self.end(call, \.unknown)
    }

    func report(_ kind: Violation.Kind, _ call: Call, _ story: String) {
        self.history.report(Violation(kind, "#\(call.number) at n\(call.node) \(story)"))
    }
}

extension S3Failure {
    /// Answers to HEAD have no code.
    fileprivate var isSlowDown: Bool {
        self.code == "SlowDown" || self.status == 503 && self.code.isEmpty
    }
}
