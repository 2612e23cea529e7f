import Content
import NIOCore
import PeerProtocol
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing
import Wire

@testable import Coordinator

/// What operations leave that end half way, and how it is found and removed.
struct AuditTests {
    private static func run(
        sabotage: Sabotage = [],
        _ body: @escaping @Sendable (TestCluster) async throws -> Void
    ) throws {
        try TestCluster.run(
            settings: {
                $0.auditAge = .zero
                $0.sabotage = sabotage
            },
            body
        )
    }

    private static func shared(_ name: String, _ cluster: TestCluster) async throws
        -> SharedContent
    {
        let key = try await cluster.register(object(name)).key
        let version = try #require(
            try ObjectRecord(try await cluster[0].read(key, "test").value).current
        )
        guard case .manifest(let manifest, let segments, let digest, _) = version.content else {
            throw TestFailure("\(name) is inline")
        }
        return SharedContent(
            manifest: manifest,
            storageClass: version.storageClass,
            segments: segments,
            digest: digest
        )
    }

    /// A hold for a version of `target` that node 0 is about to make.
    private static func wanted(_ target: String, _ cluster: TestCluster) async throws -> WantedHold
    {
        let (key, generation) = try await cluster.register(object(target))
        return WantedHold(
            key: key,
            entry: cluster[0].newVersion(),
            ceiling: cluster[0].ceiling(for: key),
            generation: generation
        )
    }

    private static func holds(
        _ manifest: ManifestID,
        _ cluster: TestCluster
    ) async throws -> [Hold] {
        let state = try await cluster[0].read(.manifest(manifest), "test")
        return try state.body.map { try ManifestRecord(decoding: $0).holds } ?? []
    }

    /// Some pages of every node's audits.
    @discardableResult
    private static func audit(_ cluster: TestCluster, times: Int = 1) async -> AuditSummary {
        var total = AuditSummary()
        for _ in 0..<times {
            for node in cluster.nodes {
                let summary = await node.coordinator.audit()
                total.released += summary.released
                total.confirmed += summary.confirmed
                total.killed += summary.killed
                total.chunksDropped += summary.chunksDropped
                total.missing += summary.missing
            }
        }
        return total
    }

    @Test("A hold whose operation has ended goes; one that is needed is confirmed, and stays")
    func orphanHold() throws {
        try Self.run { cluster in
            try await cluster[0].put(object("s"), content(50_000))
            let shared = try await Self.shared("s", cluster)
            let wanted = try await Self.wanted("d", cluster)
            _ = try #require(try await cluster[0].manifests.reach(shared, for: wanted))
            #expect(try await Self.holds(shared.manifest, cluster).count == 2)
            let summary = await Self.audit(cluster)
            #expect(summary.released == 1)
            #expect(summary.confirmed == 1)
            let left = try await Self.holds(shared.manifest, cluster)
            #expect(left.map(\.confirmed) == [true])
            // A confirmed hold is not even looked at any more.
            await cluster.wait()
            cluster.clearLedgers()
            await Self.audit(cluster)
            #expect(cluster.nodes.allSatisfy { $0.ledger.counts["accept manifest"] == nil })
            try await cluster[1].delete(object("s"))
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
        }
    }

    @Test(
        "A hold released by the audit is not used: the operation takes a ballot above its ceiling"
    )
    func released() throws {
        try Self.run { cluster in
            try await cluster[0].put(object("s"), content(50_000))
            let shared = try await Self.shared("s", cluster)
            let wanted = try await Self.wanted("d", cluster)
            let prepared = try #require(await cluster[0].promise(wanted.key))
            _ = try #require(try await cluster[0].manifests.reach(shared, for: wanted))
            await Self.audit(cluster)
            let state = try await cluster[0].read(wanted.key, "test")
            #expect(state.ballot > wanted.ceiling, "The evidence lies above what was allowed.")
            let accept = RegisterRequest.accept(
                prepared.ballot,
                .first(body: [], operation: OperationID(1)),
                generation: wanted.generation
            )
            for index in cluster.nodes.indices {
                guard case .conflict? = await cluster.ask(index, accept, about: wanted.key) else {
                    Issue.record("The accept that was on its way is taken.")
                    return
                }
            }
        }
    }

    @Test("What is under way is left alone, until it has ended")
    func underWay() throws {
        try Self.run { cluster in
            try await cluster[0].put(object("s"), content(50_000))
            let shared = try await Self.shared("s", cluster)
            let wanted = try await Self.wanted("d", cluster)
            // As the pin of an independent copy that takes long.
            cluster[0].begin([.version(wanted.entry)])
            _ = try #require(try await cluster[0].manifests.reach(shared, for: wanted))
            #expect(await Self.audit(cluster, times: 5).released == 0)
            cluster[0].end([.version(wanted.entry)])
            #expect(await Self.audit(cluster).released == 1)
        }
    }

    /// Stores a chunk of a manifest on all nodes.
    private static func store(_ name: ChunkName, _ cluster: TestCluster) async {
        let chunk = StoredChunk.encode(content(1_000))
        for index in cluster.nodes.indices { await cluster.ask(index, .writeChunk(name, chunk)) }
    }

    private static func chunk(_ manifest: ManifestID, part: UInt16 = 0) -> ChunkName {
        ChunkName(manifest: manifest, part: part, attempt: 0, index: 0)
    }

    @Test("R7: chunks of a manifest that was never created go, once it can never be created")
    func orphanChunks() throws {
        try Self.run { cluster in
            let wanted = try await Self.wanted("d", cluster)
            let manifest = cluster[0].ballots.manifest(in: wanted.key.partition)
            await Self.store(Self.chunk(manifest), cluster)
            #expect(cluster.chunks == 3)
            cluster[0].begin([.manifest(manifest)])
            #expect(await Self.audit(cluster).chunksDropped == 0)
            cluster[0].end([.manifest(manifest)])
            let summary = await Self.audit(cluster)
            #expect(summary.chunksDropped == 3)
            #expect(summary.killed > 0)
            #expect(cluster.chunks == 0)
            // Its creation comes too late.
            let refusal = await code {
                try await cluster[0].manifests.create(
                    manifest,
                    as: .standard,
                    segments: [SegmentRun(manifest: manifest, length: 1_000)],
                    for: wanted.hold
                )
            }
            #expect(refusal == .busy)
            await cluster.sweepAll()
            #expect(await cluster.leftManifests().isEmpty)
        }
    }

    @Test("R7 broken: if absent were evidence, content that is created late would have no chunks")
    func deleteOnAbsent() throws {
        try Self.run(sabotage: .deleteOnAbsent) { cluster in
            let wanted = try await Self.wanted("d", cluster)
            let manifest = cluster[0].ballots.manifest(in: wanted.key.partition)
            await Self.store(Self.chunk(manifest), cluster)
            await Self.audit(cluster)
            try await cluster[0].manifests.create(
                manifest,
                as: .standard,
                segments: [SegmentRun(manifest: manifest, length: 1_000)],
                for: wanted.hold
            )
            #expect(cluster.chunks == 0, "The loss that the rule prevents.")
        }
    }

    @Test("A chunk that arrives after its manifest was buried goes as well")
    func straggler() throws {
        try Self.run { cluster in
            try await cluster[0].put(object("s"), content(50_000))
            let shared = try await Self.shared("s", cluster)
            try await cluster[0].delete(object("s"))
            await cluster.sweepAll()
            await Self.store(shared.segments[0].chunk(0), cluster)
            #expect(cluster.chunks == 3)
            #expect(await Self.audit(cluster).chunksDropped == 3)
            #expect(cluster.chunks == 0)
        }
    }

    @Test("Chunks that a sealed manifest does not list go; those of an open one stay")
    func unlisted() throws {
        try Self.run { cluster in
            let wanted = try await Self.wanted("d", cluster)
            let manifest = cluster[0].ballots.manifest(in: wanted.key.partition)
            for part in [UInt16(1), 2] {
                await Self.store(Self.chunk(manifest, part: part), cluster)
            }
            cluster[0].begin([.manifest(manifest), .version(wanted.entry)])
            try await cluster[0].manifests.create(
                manifest,
                as: .standard,
                segments: nil,
                for: wanted.hold
            )
            await Self.audit(cluster)
            #expect(cluster.chunks == 6)
            let segments = [SegmentRun(manifest: manifest, part: 2, length: 1_000)]
            let sealed = try await cluster[0].manifests.seal(manifest, segments, for: wanted.hold)
            #expect(sealed == .held)
            #expect(await Self.audit(cluster).chunksDropped == 3)
            #expect(cluster.chunks == 3)
            // Then its operation ends without a version: nothing is left.
            cluster[0].end([.manifest(manifest), .version(wanted.entry)])
            await Self.audit(cluster)
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
            #expect(await cluster.leftManifests().isEmpty)
        }
    }

    @Test("A live version without a hold is found, and its hold taken out again")
    func missingHold() throws {
        try Self.run(sabotage: .copyWithoutHold) { cluster in
            let body = content(50_000)
            try await cluster[0].put(object("s"), body)
            _ = try await cluster[1].copy(
                CopyRequest(source: object("s"), target: object("d"))
            )
            await cluster.wait()
            #expect(await Self.audit(cluster).missing == 1)
            try await cluster[0].delete(object("s"))
            await cluster.sweepAll()
            #expect(try await cluster[2].get(object("d")) == body)
            #expect(await Self.audit(cluster).missing == 0)
        }
    }

    @Test("R8: the hold of a child that is absent goes only once the child can never be created")
    func absentChild() throws {
        try Self.run { cluster in
            try await cluster[0].put(object("s"), content(50_000))
            let shared = try await Self.shared("s", cluster)
            let (child, record) = try await Self.linkedChild(of: shared, cluster)
            #expect(await Self.audit(cluster).released == 1)
            let refusal = await code {
                try await cluster[0].manifests.create(child, record)
            }
            #expect(refusal == .busy)
        }
    }

    @Test("R8 broken: a child that is created late would live without its content")
    func absentIsDead() throws {
        try Self.run(sabotage: .absentOwnerIsDead) { cluster in
            try await cluster[0].put(object("s"), content(50_000))
            let shared = try await Self.shared("s", cluster)
            let (child, record) = try await Self.linkedChild(of: shared, cluster)
            await Self.audit(cluster)
            try await cluster[0].manifests.create(child, record)
            try await cluster[0].delete(object("s"))
            await cluster.sweepAll()
            #expect(try await Self.holds(child, cluster).count == 1)
            #expect(cluster.chunks == 0, "The loss that the rule prevents.")
        }
    }

    /// Has the parent held by a child that is not there yet.
    private static func linkedChild(
        of shared: SharedContent,
        _ cluster: TestCluster
    ) async throws -> (ManifestID, ManifestRecord) {
        let wanted = try await Self.wanted("d", cluster)
        let child = cluster[0].ballots.manifest(in: wanted.key.partition)
        let link = Holding(
            manifest: shared.manifest,
            owner: .manifest(child),
            digest: shared.digest,
            ceiling: .zero
        )
        #expect(try await cluster[0].manifests.hold(link) == .held)
        let record = ManifestRecord(
            state: .sealed,
            storageClass: .standard,
            segments: shared.segments,
            borrows: [shared.manifest],
            holds: [wanted.hold]
        )
        return (child, record)
    }

    @Test("A ceiling raised by a late retry does not keep dropped content for ever")
    func raisedCeiling() throws {
        try Self.run { cluster in
            try await cluster[0].put(object("s"), content(50_000))
            let shared = try await Self.shared("s", cluster)
            await Self.audit(cluster)
            let hold = try await Self.holds(shared.manifest, cluster)[0]
            #expect(hold.confirmed)
            let raised = Holding(
                manifest: shared.manifest,
                owner: hold.owner,
                digest: shared.digest,
                ceiling: hold.ceiling.ceiling.ceiling
            )
            #expect(try await cluster[1].manifests.hold(raised) == .held)
            try await cluster[0].delete(object("s"))
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
            #expect(await cluster.leftManifests().isEmpty)
        }
    }

    @Test(
        "What a node has dropped is released by others while it is away, and buried once it is back"
    )
    func otherSweepers() throws {
        try Self.run { cluster in
            var cluster = cluster
            try await cluster[0].put(object("s"), content(50_000))
            await cluster.wait()
            let shared = try await Self.shared("s", cluster)
            let key = try await cluster.register(object("s")).key
            let first = try #require(
                cluster.nodes.firstIndex { $0.coordinator.turn(of: key) == 0 }
            )
            try await cluster[first].delete(object("s"))
            cluster.nodes[first].machine.crash()
            cluster.network.crashed(cluster.nodes[first].storage.id)
            await cluster.wait(.seconds(120))
            for index in cluster.nodes.indices where index != first {
                _ = await cluster[index].sweep()
            }
            let record = try await cluster[first + 1].read(key, "test").value
            #expect(try ObjectRecord(record).garbage.isEmpty)
            #expect(
                try await cluster[first + 1].manifests.kill(shared.manifest) == .dead(borrows: [])
            )
            cluster = try await cluster.restarted(first)
            await cluster.wait()
            await cluster.tidyUp()
            #expect(cluster.chunks == 0)
            #expect(await cluster.leftManifests().isEmpty)
        }
    }
}
