import Foundation
import NIOCore
import S3Client

/// A node misses many writes, comes back, and has to have them all soon.
///
/// Whether it has them is not asked of clients, to whom the other nodes would give them: it is
/// counted at the node itself.
struct CatchUp: Sendable {
    /// What is allowed.
    static let servingWithin = Duration.seconds(2)
    static let caughtUpWithin = Duration.seconds(60)
    private static let patience = Duration.seconds(300)
    private static let bucket = "catch-up"
    private static let writers = 16
    /// Content of its own: shorter bodies are in the rows.
    private static let bodyBytes = 20 << 10

    let cluster: ChaosCluster
    let writes: Int
    let say: @Sendable (String) -> Void

    /// - Returns: what was not as it must be.
    func run() async throws -> [String] {
        for node in self.cluster.numbers { try self.cluster.start(node) }
        for node in self.cluster.numbers { try await self.cluster.waitUntilReady(node) }
        try await self.client(1).createBucket(Self.bucket)
        try await self.write(0, through: [1, 2, 3])
        var complaints: [String] = []
        for node in self.cluster.numbers { complaints += try await self.killAndServe(node) }

        self.cluster.send(SIGKILL, to: 3)
        try await self.cluster.waitForEnd(3)
        let begin = ContinuousClock.now
        try await self.writeAll(through: [1, 2])
        self.say("n3 is away: \(self.writes) writes in \(Self.text(since: begin))")
        complaints += try await self.comeBack()
        for node in self.cluster.numbers { complaints += try await self.killAndServe(node) }
        complaints += try await self.lookAgain()
        return complaints
    }

    // MARK: Steps

    /// From SIGKILL until the node serves an object, the start of the process by us included.
    private func killAndServe(_ node: Int) async throws -> [String] {
        let begin = ContinuousClock.now
        self.cluster.send(SIGKILL, to: node)
        try await self.cluster.waitForEnd(node)
        try self.cluster.start(node)
        while await !self.reads(0, through: node) {
            guard ContinuousClock.now < begin + Self.patience else {
                throw ChaosError("n\(node) does not serve again")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        let time = ContinuousClock.now - begin
        self.say("n\(node): from kill -9 to an object served through it \(Self.text(time))")
        try await self.cluster.waitUntilReady(node)
        guard time > Self.servingWithin else { return [] }
        return ["n\(node) served again after \(Self.text(time))"]
    }

    /// Starts the node that was away, and waits until it has what it missed.
    private func comeBack() async throws -> [String] {
        let begin = ContinuousClock.now
        try self.cluster.start(3)
        try await self.cluster.waitUntilReady(3)
        self.say("n3 is back, ready after \(Self.text(since: begin))")
        let chunks = try await self.cluster.metric("triolet_chunks_stored", of: 1)
        var rowsTime: Duration?
        var chunksTime: Duration?
        while rowsTime == nil || chunksTime == nil {
            guard ContinuousClock.now < begin + Self.patience else {
                throw ChaosError("n3 has not caught up: \(try await self.counts())")
            }
            try await Task.sleep(for: .milliseconds(50))
            let time = ContinuousClock.now - begin
            if rowsTime == nil, try await self.hasCompared(3) { rowsTime = time }
            let own = try await self.cluster.metric("triolet_chunks_stored", of: 3)
            if chunksTime == nil, own >= chunks { chunksTime = time }
        }
        let rows = Int(try await self.cluster.metric("triolet_rows_caught_up_total", of: 3))
        let time = max(rowsTime ?? .zero, chunksTime ?? .zero)
        self.say(
            "n3 has caught up after \(Self.text(time)): \(rows) rows (\(Self.text(rowsTime))),"
                + " \(Int(chunks)) chunks in all (\(Self.text(chunksTime)))"
        )
        var complaints: [String] = []
        if rows < self.writes { complaints.append("only \(rows) rows were caught up") }
        if time > Self.caughtUpWithin { complaints.append("that took \(Self.text(time))") }
        return complaints
    }

    /// All nodes were started again: a comparison of all rows finds nothing, no copy is missing,
    /// and each object can be read without either of the nodes that were there when it was written.
    private func lookAgain() async throws -> [String] {
        var complaints: [String] = []
        let deadline = ContinuousClock.now + Self.patience
        while try await !self.hasCompared(3) {
            guard ContinuousClock.now < deadline else { throw ChaosError("n3 does not compare") }
            try await Task.sleep(for: .milliseconds(50))
        }
        let rows = Int(try await self.cluster.metric("triolet_rows_caught_up_total", of: 3))
        if rows > 0 { complaints.append("\(rows) rows were still missing") }
        for node in self.cluster.numbers {
            let missing = Int(
                try await self.cluster.metric("triolet_chunk_repairs_waiting", of: node)
            )
            if missing > 0 { complaints.append("n\(node): \(missing) copies wait to be replaced") }
        }
        for away in [1, 2] {
            self.cluster.send(SIGKILL, to: away)
            try await self.cluster.waitForEnd(away)
            let bad = try await self.readAll(through: 3)
            if bad > 0 { complaints.append("\(bad) objects cannot be read without n\(away)") }
            try self.cluster.start(away)
            try await self.cluster.waitUntilReady(away)
        }
        self.say(
            "n3 looked again: \(rows) rows missing; all \(self.writes) objects were read through"
                + " it, byte for byte, without n1 and without n2"
        )
        return complaints
    }

    // MARK: Looking

    /// Whether the node has compared all its rows with those of all others since its start.
    private func hasCompared(_ node: Int) async throws -> Bool {
        let text = try await self.cluster.admin(node, "/metrics").text
        return text.split(separator: "\n").contains { line in
            line.hasPrefix("triolet_row_comparisons_total{result=\"complete\"}")
                && line.split(separator: " ").last.flatMap { Double($0) } ?? 0 > 0
        }
    }

    private func counts() async throws -> String {
        var words: [String] = []
        for node in self.cluster.numbers {
            let chunks = try await self.cluster.metric("triolet_chunks_stored", of: node)
            words.append("n\(node) has \(Int(chunks)) chunks")
        }
        return words.joined(separator: ", ")
    }

    // MARK: Objects

    private func client(_ node: Int) -> S3Client {
        self.cluster.client(node, patience: .seconds(10))
    }

    private static func name(_ number: Int) -> String { "object-\(number)" }

    /// No two are alike.
    private static func body(_ number: Int) -> ByteBuffer {
        let line = "object \(number); "
        let text = String(repeating: line, count: Self.bodyBytes / line.utf8.count + 1)
        return ByteBuffer(bytes: text.utf8.prefix(Self.bodyBytes))
    }

    private func write(_ number: Int, through nodes: [Int]) async throws {
        var request = S3Request("PUT", Self.bucket, Self.name(number))
        request.body = Self.body(number)
        var node = nodes[number % nodes.count]
        for attempt in 0... {
            do {
                _ = try await self.client(node).send(request)
                return
            } catch {
                if attempt == 3 { throw error }
                node = nodes[(number + attempt + 1) % nodes.count]
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    private func writeAll(through nodes: [Int]) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for worker in 0..<Self.writers {
                group.addTask {
                    for number in stride(from: worker, to: self.writes, by: Self.writers) {
                        try await self.write(number, through: nodes)
                    }
                }
            }
        }
    }

    private func reads(_ number: Int, through node: Int) async -> Bool {
        let found = try? await self.client(node).get(Self.name(number), in: Self.bucket) {
            _,
            body in
            var bytes = ByteBuffer()
            while let part = try await body.next() { bytes.writeImmutableBuffer(part) }
            return bytes
        }
        return found == Self.body(number)
    }

    /// - Returns: how many objects are not there, or not what they were.
    private func readAll(through node: Int) async throws -> Int {
        await withTaskGroup(of: Int.self) { group in
            for worker in 0..<Self.writers {
                group.addTask {
                    var bad = 0
                    for number in stride(from: worker, to: self.writes, by: Self.writers)
                    where await !self.reads(number, through: node) { bad += 1 }
                    return bad
                }
            }
            return await group.reduce(0, +)
        }
    }

    private static func text(since begin: ContinuousClock.Instant) -> String {
        self.text(ContinuousClock.now - begin)
    }

    private static func text(_ time: Duration?) -> String {
        String(format: "%.2f s", (time ?? .zero) / .seconds(1))
    }
}
