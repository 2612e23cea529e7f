import Content
import Register
import Runtime
import SimulatedRuntime
import StoreModel
import Synchronization
import Testing

@testable import Coordinator

/// Rules of docs/protocol/content.md, kept and broken, where an operation is held up at the worst
/// moment.
struct HeldUpRuleTests {
    private static func run(
        breaking rule: Sabotage,
        seed: UInt64 = 1,
        _ body: @escaping @Sendable (TestCluster) async throws -> Void
    ) throws {
        try TestCluster.run(
            seed: seed,
            settings: {
                $0.auditAge = .zero
                $0.versionHolders = 1
                $0.partBytesMin = 0
                $0.registerTimeout = .milliseconds(200)
                $0.changeDeadline = .seconds(1)
                $0.sabotage = rule
            },
            body
        )
    }

    /// Starts something that is going to be held up.
    private static func begin<Value: Sendable>(
        _ cluster: TestCluster,
        _ work: @escaping @Sendable () async throws -> Value
    ) -> Outcome<Value> {
        let outcome = Outcome<Value>(cluster)
        cluster.simulator.doors().background.run {
            do { outcome.end(.success(try await work())) } catch { outcome.end(.failure(error)) }
        }
        return outcome
    }

    /// Sweeps on all nodes but the first, until nothing is left to do.
    private static func sweepOthers(_ cluster: TestCluster) async {
        for _ in 0..<3 {
            await cluster.wait(.seconds(120))
            for index in 1..<cluster.nodes.count { _ = await cluster[index].sweep() }
        }
    }

    private static func record(
        _ manifest: ManifestID,
        _ cluster: TestCluster
    ) async throws -> ManifestRecord? {
        try await cluster[1].read(.manifest(manifest), "test").body.map {
            try ManifestRecord(decoding: $0)
        }
    }

    /// Begins an upload with one part; says of which manifest.
    private static func upload(
        _ cluster: TestCluster
    ) async throws -> (upload: UploadName, part: PartSummary, manifest: ManifestID) {
        let upload = try await cluster[0].createUpload(object("a"))
        let part = try await cluster[1].put(1, of: upload, content(50_000))
        let key = try await cluster.register(object("a")).key
        let record = try ObjectRecord(try await cluster[1].read(key, "test").value)
        return (upload, part, try #require(record.upload(upload.id)).manifest)
    }

    @Test(
        "R6: a manifest that died while a completion was held up stays dead; broken, it comes back",
        arguments: [Sabotage(), .sealAfterAbort]
    )
    func sealAfterAbort(rule: Sabotage) throws {
        try Self.run(breaking: rule) { cluster in
            let (upload, part, manifest) = try await Self.upload(cluster)
            let step = HeldStep(of: 0, in: cluster)
            step.arm(.hold)
            let completion = Self.begin(cluster) { try await cluster[0].complete(upload, [part]) }
            await step.reached(.hold)
            try await cluster[1].abortUpload(upload)
            await Self.sweepOthers(cluster)
            #expect(cluster.chunks == 0)
            #expect(try await cluster[1].manifests.kill(manifest) == .buried)

            step.arm(.accept)
            step.open(.hold)
            if rule.isEmpty {
                #expect(await completion.code() == .uploadNotFound)
                #expect(try await cluster[1].manifests.kill(manifest) == .buried)
            } else {
                await step.reached(.accept)
                #expect(try await Self.record(manifest, cluster)?.state == .sealed)
            }
        }
    }

    @Test(
        "H3: a completion that dies leaves the parts to the next one; broken, they are lost",
        arguments: [Sabotage(), .sealReplacesUploadHold]
    )
    func sealReplacesUploadHold(rule: Sabotage) throws {
        try Self.run(breaking: rule) { cluster in
            let (upload, part, manifest) = try await Self.upload(cluster)
            let step = HeldStep(of: 0, in: cluster)
            step.arm(.accept)
            _ = Self.begin(cluster) { try await cluster[0].complete(upload, [part]) }
            await step.reached(.accept)
            cluster.nodes[0].machine.crash()
            // Nobody will ever name it for the version that the completion had drawn.
            #expect(try await cluster[1].auditHolds(of: manifest) == 1)
            if rule.isEmpty {
                _ = try await cluster[1].complete(upload, [part])
                #expect(try await cluster[2].get(object("a")) == content(50_000))
            } else {
                let refusal = await code { _ = try await cluster[1].complete(upload, [part]) }
                #expect(refusal == .busy)
                #expect(try await Self.record(manifest, cluster)?.state == .dead)
            }
        }
    }

    @Test("R7: chunks stay until a death is chosen; broken, a creation on one replica needs them")
    func dropBeforeDeath() throws {
        let seeds = UInt64(1)...6
        for seed in seeds {
            #expect(try Self.endOfIsolatedCreation([], seed) == .quorumUnavailable)
        }
        // Whether the creation is found at its only replica depends on who answers first.
        let ends = try seeds.map { try Self.endOfIsolatedCreation(.dropBeforeDeath, $0) }
        #expect(ends.contains(nil), "A put has succeeded whose chunks were dropped.")
    }

    /// How a put ends whose creation reached one node, while the others audit its chunks.
    private static func endOfIsolatedCreation(
        _ rule: Sabotage,
        _ seed: UInt64
    ) throws -> ClusterError.Code? {
        let end = Mutex<ClusterError.Code?>(nil)
        try Self.run(breaking: rule, seed: seed) { cluster in
            let step = HeldStep(of: 0, in: cluster)
            step.arm(.birth)
            let put = Self.begin(cluster) {
                try await cluster[0].put(object("a"), content(50_000))
            }
            await step.reached(.birth)
            await cluster.wait()
            #expect(cluster.chunks == 3)
            cluster.isolate(0)
            step.open(.birth)
            await cluster.wait(.milliseconds(10))
            // The creation is on the node that nobody hears.
            for index in 1...2 {
                if !rule.isEmpty { HeldStep(of: index, in: cluster).arm(.kill, after: 1) }
                _ = await cluster[index].audit()
            }
            #expect(cluster.chunks == 1)
            cluster.network.heal()
            let code = await put.code()
            end.withLock { $0 = code }
        }
        return end.withLock { $0 }
    }

    @Test(
        "R10: what a copy held before it began again is released; broken, it is kept for good",
        arguments: [Sabotage(), .auditIgnoresManifest]
    )
    func auditIgnoresManifest(rule: Sabotage) throws {
        try Self.run(breaking: rule) { cluster in
            try await cluster[0].put(object("s"), content(50_000))
            let step = HeldStep(of: 0, in: cluster)
            step.arm(.hold, after: 1)
            let copy = Self.begin(cluster) {
                try await cluster[0].copy(
                    CopyRequest(source: object("s"), target: object("d"))
                )
            }
            // The manifest is full; the copy makes a child, whose parent dies meanwhile.
            await step.reached(.hold)
            try await cluster[1].put(object("s"), content(60_000, seed: 2))
            await Self.sweepOthers(cluster)
            // Whoever was to end the child crashes before.
            step.arm(.giveBack)
            step.open(.hold)
            await step.reached(.giveBack)
            #expect(await copy.code() == nil)
            #expect(try await cluster[1].get(object("d")) == content(60_000, seed: 2))
            for manifest in cluster.manifests() {
                _ = try await cluster[1].auditHolds(of: manifest)
            }
            try await cluster[1].delete(object("s"))
            try await cluster[1].delete(object("d"))
            await Self.sweepOthers(cluster)
            var left: [ManifestRecord] = []
            for manifest in cluster.manifests() {
                _ = try await cluster[1].auditHolds(of: manifest)
                if let record = try await Self.record(manifest, cluster), record.state != .dead {
                    left.append(record)
                }
            }
            #expect(left.count == (rule.isEmpty ? 0 : 1))
        }
    }
}

/// What became of something that goes on beside a test.
private final class Outcome<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, any Error>?>(nil)
    private let cluster: TestCluster

    init(_ cluster: TestCluster) { self.cluster = cluster }

    func end(_ result: Result<Value, any Error>) { self.result.withLock { $0 = result } }

    /// Waits for its end.
    ///
    /// - Returns: the code of the error that it failed with; nil if it succeeded.
    func code() async -> ClusterError.Code? {
        while true {
            if let result = self.result.withLock({ $0 }) {
                return await CoordinatorTests.code { _ = try result.get() }
            }
            await self.cluster.wait(.milliseconds(1))
        }
    }
}
