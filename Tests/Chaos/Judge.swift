import Foundation
import NIOCore
import NIOHTTP1
import S3Client
import SimulatedRuntime
import Simulation

/// Looks, once all is mended, whether every promise was kept.
struct Judge: Sendable {
    let cluster: ChaosCluster
    let recorder: Recorder
    /// How far a clock was off: what its node has dropped since is kept for as much longer.
    let skew: Duration
    let say: @Sendable (String) -> Void

    private static let patience = TimeAmount.seconds(20)
    private static let tries = 5
    /// A node makes so much room before it is needed (docs/decisions/0004-volumes.md).
    private static let roomAhead = 64 << 20

    private var history: History { self.recorder.history }

    private func client() -> ChaosClient {
        ChaosClient(
            recorder: self.recorder,
            nodes: self.cluster.numbers.map {
                self.cluster.client($0, patience: Self.patience)
            },
            pause: .zero,
            random: .init(seed: 1)
        )
    }

    private func report(_ kind: Violation.Kind, _ story: String) {
        self.history.report(Violation(kind, story))
    }

    /// Everything there is to see while the objects are still there.
    ///
    /// - Returns: operations that were put in order, and keys on which the checker gave up.
    func judge() async throws -> (checked: Int, gaveUp: Int) {
        await self.readEverything(through: Array(self.cluster.numbers))
        self.say("  every key was read through every node")
        try await self.heal()
        self.say("  no copy is missing")
        if self.cluster.numbers.count > 2 {
            for away in self.cluster.numbers {
                self.cluster.send(SIGKILL, to: away)
                try await self.cluster.waitForEnd(away)
                await self.readEverything(through: self.cluster.numbers.filter { $0 != away })
                try self.cluster.start(away)
                try await self.cluster.waitUntilReady(away)
            }
        }
        self.say("  every key was read through every pair of nodes")
        let pending = self.history.pending
        if !pending.isEmpty { self.report(.noProgress, "still under way: \(pending)") }
        return self.history.check()
    }

    /// Only what clients can see.
    func judgeBriefly() async -> (checked: Int, gaveUp: Int) {
        await self.readEverything(through: Array(self.cluster.numbers))
        return self.history.check()
    }

    /// Reads each key through one of the nodes after the other, and lists everything.
    private func readEverything(through nodes: [Int]) async {
        let keys = self.recorder.keys * self.recorder.generations
        await withDiscardingTaskGroup { group in
            for worker in 0..<4 {
                group.addTask {
                    var client = self.client()
                    for key in stride(from: worker, to: keys, by: 4) {
                        for node in nodes {
                            await self.read(key, at: node, &client)
                        }
                    }
                    guard worker == 0 else { return }
                    for generation in 0..<self.recorder.generations {
                        for node in nodes { _ = await client.list(generation, at: node) }
                    }
                }
            }
        }
    }

    private func read(_ key: Int, at node: Int, _ client: inout ChaosClient) async {
        for attempt in 0..<Self.tries {
            if await client.get(key, at: node, isWhole: true) == .answered { return }
            try? await Task.sleep(for: .milliseconds(200 << attempt))
        }
        self.report(.noProgress, "k\(key) cannot be read through n\(node), though all is well")
    }

    // MARK: Replicas

    private struct Healing: Decodable {
        struct Repair: Decodable {
            var running = false
            var rounds = 0
            var copiesMissing = 0
            var waiting = 0
        }

        struct Scrub: Decodable {
            var running = false
            var passes = 0
        }

        var repair: Repair
        var scrub: Scrub
    }

    private func healing(_ node: Int, ask work: String? = nil) async throws -> Healing {
        let target = work.map { "/v1/repairs/\($0)" } ?? "/v1/repairs"
        let text = try await self.cluster.admin(node, target, work == nil ? .GET : .POST).text
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(Healing.self, from: Data(text.utf8))
        } catch { throw ChaosError("n\(node) says of \(target): \(text)") }
    }

    /// Has every node verify its chunks and look for missing copies, until all are there.
    private func heal() async throws {
        let deadline = ContinuousClock.now + .seconds(120)
        try await withThrowingDiscardingTaskGroup { group in
            for node in self.cluster.numbers {
                group.addTask { try await self.scrub(node, until: deadline) }
            }
        }
        try await withThrowingDiscardingTaskGroup { group in
            for node in self.cluster.numbers {
                group.addTask { try await self.repair(node, until: deadline) }
            }
        }
    }

    private func scrub(_ node: Int, until deadline: ContinuousClock.Instant) async throws {
        let before = try await self.healing(node).scrub.passes
        _ = try await self.healing(node, ask: "scrub")
        while true {
            let now = try await self.healing(node).scrub
            if now.passes > before, !now.running { return }
            guard ContinuousClock.now < deadline else {
                return self.report(.noProgress, "the scrub of n\(node) does not end")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func repair(_ node: Int, until deadline: ContinuousClock.Instant) async throws {
        while true {
            let before = try await self.healing(node).repair.rounds
            _ = try await self.healing(node, ask: "repair")
            var now = try await self.healing(node)
            while now.repair.rounds <= before, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(50))
                now = try await self.healing(node)
            }
            if now.repair.copiesMissing == 0, now.repair.waiting == 0 { return }
            guard ContinuousClock.now < deadline else {
                return self.report(.notHealed, "n\(node) is missing copies: \(now.repair)")
            }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    // MARK: Leaks

    /// Deletes everything, and waits until nothing is left of it.
    func deleteEverything() async throws {
        let client = self.cluster.client(1, patience: Self.patience)
        while true {
            let page = try await client.list(ChaosClient.bucket)
            for key in page.keys { try await client.delete(key, in: ChaosClient.bucket) }
            if page.keys.isEmpty { break }
        }
        var uploads = S3Request("GET", ChaosClient.bucket)
        uploads.query = [("uploads", "")]
        for upload in XMLText.all("Upload", in: try await client.send(uploads).text) {
            var abort = S3Request("DELETE", ChaosClient.bucket, XMLText.first("Key", in: upload))
            abort.query = [("uploadId", XMLText.first("UploadId", in: upload) ?? "")]
            _ = try await client.send(abort)
        }
        self.say("  everything is deleted; what is left?")
        let deadline = ContinuousClock.now + .seconds(180) + self.skew
        while let left = try await self.leftover() {
            guard ContinuousClock.now < deadline else { return self.report(.leak, left) }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// What is still there though all objects are gone.
    private func leftover() async throws -> String? {
        for node in self.cluster.numbers {
            let chunks = try await self.cluster.metric("triolet_chunks_stored", of: node)
            if chunks > 0 { return "\(Int(chunks)) chunks on n\(node)" }
            let bytes = Damage.volumeBytes(self.cluster.data(node))
            if bytes > Self.roomAhead { return "\(bytes >> 20) MiB of volumes on n\(node)" }
        }
        return nil
    }
}
