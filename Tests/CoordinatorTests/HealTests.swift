import ChunkStore
import NIOCore
import PeerProtocol
import Placement
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

@testable import Coordinator

/// Copies that are missing, damaged, or where they do not belong.
struct HealTests {
    private static let large = content(3 * Limit.chunkBytes + 5)

    /// Cuts a node off, in both directions.
    private static func isolate(_ index: Int, in cluster: TestCluster) {
        for other in cluster.nodes.indices where other != index {
            let (lost, rest) = (cluster.nodes[index].machine, cluster.nodes[other].machine)
            cluster.network.cut(from: lost, to: rest)
            cluster.network.cut(from: rest, to: lost)
        }
    }

    /// Chunks that each node has.
    private static func counts(_ cluster: TestCluster) -> [Int] {
        cluster.nodes.map { $0.storage.chunkStatistics.chunks }
    }

    /// One round on every node.
    @discardableResult
    private static func healAll(_ cluster: TestCluster) async -> HealSummary {
        var total = HealSummary()
        for node in cluster.nodes {
            let summary = await node.coordinator.heal()
            total.restored += summary.restored
            total.movedHome += summary.movedHome
            total.underReplicated += summary.underReplicated
            total.postponed += summary.postponed
            total.manifests += summary.manifests
            total.copies += summary.copies
            total.bytes += summary.bytes
        }
        return total
    }

    /// Chunks of the node whose copy is not whole.
    private static func damaged(_ node: TestCluster.Node) async -> [ChunkName] {
        var damaged: [ChunkName] = []
        while true {
            let request = PeerRequest.scrubChunks(ScrubRequest(bytes: .max))
            let message = request.message(epoch: node.storage.layouts.epoch)
            let reply = await node.storage.handle(message, from: node.storage.id)
            guard case .scrubbed(let page)? = try? PeerReply(reply) else { return damaged }
            damaged += page.damaged
            if page.isLast { return damaged }
        }
    }

    // MARK: - Missing copies

    @Test("A node that was away during writes has its chunks afterwards, without any read")
    func away() throws {
        try TestCluster.run { cluster in
            Self.isolate(2, in: cluster)
            for number in 0..<4 { try await cluster[0].put(object("\(number)"), Self.large) }
            await cluster.wait(.seconds(30))
            #expect(Self.counts(cluster) == [16, 16, 0])
            cluster.network.heal()
            await cluster.wait()
            let catchUp = await cluster[2].catchUp()
            #expect(catchUp.rows > 0)
            let summary = await Self.healAll(cluster)
            #expect(Self.counts(cluster) == [16, 16, 16])
            #expect((summary.restored, summary.underReplicated, summary.postponed) == (16, 0, 0))
            #expect((summary.manifests, summary.copies) == (4, 48))
            #expect(summary.bytes >= 4 * UInt64(Self.large.readableBytes))
            let again = await Self.healAll(cluster)
            #expect((again.restored, again.bytes, again.copies) == (0, 0, 48))
        }
    }

    @Test("Copies on a node that is away count as missing until it is back")
    func underReplicated() throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("a"), Self.large)
            await cluster.wait()
            Self.isolate(1, in: cluster)
            await cluster.wait()
            var missing = 0
            for node in [0, 2] { missing += await cluster[node].heal().underReplicated }
            #expect(missing == 4)
            cluster.network.heal()
            #expect(await Self.healAll(cluster).underReplicated == 0)
        }
    }

    @Test("A node that has lost all its volumes is filled again")
    func emptyNode() throws {
        try TestCluster.run { cluster in
            for number in 0..<5 { try await cluster[0].put(object("\(number)"), Self.large) }
            await cluster.wait()
            let machine = cluster.nodes[1].machine
            machine.crash()
            for file in machine.disk.fileNames { machine.disk.lose(file) }
            let cluster = try await cluster.restarted(1)
            await cluster.wait()
            #expect(Self.counts(cluster) == [20, 0, 20])
            let summary = await Self.healAll(cluster)
            #expect((summary.restored, summary.underReplicated) == (20, 0))
            #expect(Self.counts(cluster) == [20, 20, 20])
            #expect(await Self.damaged(cluster.nodes[1]) == [])
        }
    }

    @Test("A copy that a slow or failing home missed is made soon, without a round")
    func straggler() throws {
        try TestCluster.run { cluster in
            Self.isolate(2, in: cluster)
            try await cluster[0].put(object("a"), Self.large)
            await cluster.wait(.seconds(12))
            cluster.network.heal()
            var repaired = 0
            for _ in 0..<8 {
                await cluster.wait(.seconds(10))
                repaired += await cluster[0].healing.repairs.workOff()
            }
            #expect(repaired == 4)
            #expect(Self.counts(cluster) == [4, 4, 4])
            #expect(cluster[0].healStatus.waiting == 0)
            #expect(cluster[0].healStatus.repaired == 4)
        }
    }

    @Test("What is deleted while it is healed leaves no chunk behind", arguments: UInt64(0)..<12)
    func deletedMeanwhile(seed: UInt64) throws {
        try TestCluster.run(seed: seed) { cluster in
            Self.isolate(2, in: cluster)
            for number in 0..<3 { try await cluster[0].put(object("\(number)"), Self.large) }
            await cluster.wait(.seconds(20))
            cluster.network.heal()
            await cluster.wait()
            await withTaskGroup(of: Void.self) { group in
                for node in cluster.nodes {
                    group.addTask {
                        _ = await node.coordinator.catchUp()
                        _ = await node.coordinator.heal()
                        await node.coordinator.healing.repairs.workOff()
                    }
                }
                group.addTask {
                    for number in 0..<3 {
                        let pause = cluster.simulator.draw { $0.number(in: 1...40_000) }
                        await cluster.wait(.microseconds(pause))
                        try? await cluster[1].delete(object("\(number)"))
                        _ = await cluster[1].sweep()
                        _ = await cluster[0].sweep()
                    }
                }
            }
            await cluster.sweepAll()
            for node in cluster.nodes { await node.coordinator.healing.repairs.workOff() }
            await cluster.sweepAll()
            #expect(Self.counts(cluster) == [0, 0, 0])
        }
    }

    // MARK: - Damaged copies

    @Test("No flipped bit reaches a client, and reading mends what it meets", arguments: 0..<4)
    func readRepair(seed: Int) throws {
        try TestCluster.run(seed: UInt64(seed)) { cluster in
            let bodies = (0..<6).map { content(400_000, seed: UInt64($0)) }
            for (number, body) in bodies.enumerated() {
                try await cluster[0].put(object("\(number)"), body)
            }
            await cluster.wait()
            let victim = cluster.nodes[seed % 3]
            for _ in 0..<40 { _ = victim.machine.disk.flipBit() }
            for _ in 0..<2 {
                for (number, body) in bodies.enumerated() {
                    // Through the node itself, which reads its own copies first.
                    #expect(try await victim.coordinator.get(object("\(number)")) == body)
                }
                await victim.coordinator.healing.repairs.workOff()
            }
            #expect(victim.coordinator.healStatus.repaired > 0)
            // Flips in headers are the scrub's business: reads do not look at them.
            while await !victim.coordinator.scrubChunks() {}
            await victim.coordinator.healing.repairs.workOff()
            #expect(await Self.damaged(victim) == [])
            #expect(victim.coordinator.healStatus.waiting == 0)
        }
    }

    @Test("A damaged copy that stands in the way of a copy is replaced by the node that has it")
    func pullRepair() throws {
        try TestCluster.run { cluster in
            let bodies = (0..<6).map { content(400_000, seed: UInt64($0)) }
            for (number, body) in bodies.enumerated() {
                try await cluster[0].put(object("\(number)"), body)
            }
            await cluster.wait()
            let victim = cluster.nodes[1]
            for _ in 0..<40 { _ = victim.machine.disk.flipBit() }
            // Each node copies what it has itself, unless that is damaged.
            for number in bodies.indices {
                _ = try await cluster[0].copy(
                    CopyRequest(
                        source: object("\(number)"),
                        target: object("copy of \(number)"),
                        mode: .independent
                    )
                )
            }
            await cluster.wait()
            #expect(cluster.nodes[0].coordinator.healStatus.waiting == 0)
            let waiting = victim.coordinator.healStatus.waiting
            #expect(waiting > 0)
            #expect(await victim.coordinator.healing.repairs.workOff() == waiting)
            for (number, body) in bodies.enumerated() {
                #expect(try await victim.coordinator.get(object("copy of \(number)")) == body)
            }
            #expect(victim.coordinator.healStatus.waiting == 0)
        }
    }

    @Test("The scrub finds every damaged copy of its node, and all are replaced")
    func scrub() throws {
        try TestCluster.run { cluster in
            for number in 0..<30 {
                try await cluster[0].put(object("\(number)"), content(30_000, seed: UInt64(number)))
            }
            await cluster.wait()
            let victim = cluster.nodes[1]
            for _ in 0..<400 { _ = victim.machine.disk.flipBit() }
            let bad = await Self.damaged(victim)
            #expect(bad.count > 20)
            #expect(victim.coordinator.startScrub())
            while await !victim.coordinator.scrubChunks() {}
            #expect(victim.coordinator.healStatus.waiting == bad.count)
            #expect(await victim.coordinator.healing.repairs.workOff() == bad.count)
            #expect(await Self.damaged(victim) == [])
            let status = victim.coordinator.scrubStatus
            #expect((status.passes, status.damaged, status.isForced) == (1, bad.count, false))
        }
    }

    @Test("A chunk of which no good copy exists is given up, and said so")
    func hopeless() throws {
        try TestCluster.run(1) { cluster in
            try await cluster[0].put(object("a"), content(30_000))
            await cluster.wait()
            for _ in 0..<30 { _ = cluster.nodes[0].machine.disk.flipBit() }
            _ = await cluster[0].scrubChunks()
            for _ in 0..<10 {
                await cluster[0].healing.repairs.workOff()
                await cluster.wait(.seconds(70))
            }
            let status = cluster[0].healStatus
            #expect((status.waiting, status.repaired, status.givenUp) == (0, 0, 1))
            let code = await code { _ = try await cluster[0].get(object("a")) }
            #expect(code == .dataUnavailable)
        }
    }

    // MARK: - Moving home

    /// Five nodes, one of them cut off, and an object for which others stand in.
    private static func withGuests(
        seed: UInt64,
        sabotage: Sabotage = [],
        _ body: @escaping @Sendable (TestCluster, _ away: Int) async throws -> Void
    ) throws {
        let change: @Sendable (inout CoordinatorSettings) -> Void = { $0.sabotage = sabotage }
        try TestCluster.run(5, seed: seed, settings: change) { cluster in
            let away = 4
            Self.isolate(away, in: cluster)
            for number in 0..<12 {
                try await cluster[number % 4].put(
                    object("\(number)"),
                    content(40_000, seed: UInt64(number)),
                    storageClass: .reducedRedundancy
                )
            }
            await cluster.wait(.seconds(30))
            try await body(cluster, away)
        }
    }

    /// Chunks on nodes that are no homes of them.
    private static func guests(_ cluster: TestCluster) async -> [ChunkName] {
        var guests: [ChunkName] = []
        for node in cluster.nodes {
            guard let layout = node.storage.layouts.layout else { continue }
            let request = PeerRequest.listChunks(after: nil, limit: Limit.chunkNames)
            let message = request.message(epoch: layout.epoch)
            let reply = await node.storage.handle(message, from: node.storage.id)
            guard case .chunkNames(let names)? = try? PeerReply(reply) else { continue }
            guests += names.filter {
                !layout.homes(of: $0, as: .reducedRedundancy).contains(node.storage.id)
            }
        }
        return guests
    }

    @Test("What stood in for a node moves home when it is back, and is then dropped")
    func movesHome() throws {
        try Self.withGuests(seed: 3) { cluster, _ in
            let before = await Self.guests(cluster).count
            #expect(before > 0)
            #expect(cluster.chunks == 24)
            let away = await Self.healAll(cluster)
            #expect(away.movedHome == 0, "Its home is away: it stays.")
            #expect(await Self.guests(cluster).count == before)
            cluster.network.heal()
            await cluster.wait()
            for node in cluster.nodes { _ = await node.coordinator.catchUp() }
            let summary = await Self.healAll(cluster)
            #expect((summary.movedHome, summary.underReplicated) == (before, 0))
            #expect(await Self.guests(cluster).isEmpty)
            #expect(cluster.chunks == 24)
            for number in 0..<12 {
                let body = content(40_000, seed: UInt64(number))
                let found = try await cluster[4].get(object("\(number)"))
                #expect(found == body)
            }
        }
    }

    @Test(
        "A stand-in stays as long as a home is away",
        arguments: [Sabotage.moveHomeDropsFirst, []]
    )
    func staysUntilHomeIsBack(sabotage: Sabotage) throws {
        try Self.withGuests(seed: 3, sabotage: sabotage) { cluster, _ in
            let before = await Self.guests(cluster).count
            await Self.healAll(cluster)
            let after = await Self.guests(cluster).count
            if sabotage.isEmpty {
                #expect(after == before)
            } else {
                #expect(after < before, "The broken rule is noticed.")
            }
        }
    }

    @Test(
        "A stand-in is dropped only when the copies of all homes have been read",
        arguments: [Sabotage.healingTrustsIndex, []]
    )
    func readsBeforeItDrops(sabotage: Sabotage) throws {
        try Self.withGuests(seed: 3, sabotage: sabotage) { cluster, _ in
            let guests = await Self.guests(cluster)
            let layout = try #require(cluster.nodes[0].storage.layouts.layout)
            // Everything is bad on the first node that is a home of what a guest has.
            let home = try #require(
                guests.lazy.flatMap { layout.homes(of: $0, as: .reducedRedundancy) }
                    .first { $0 != cluster.nodes[4].storage.id }
            )
            let victim = try #require(cluster.nodes.first { $0.storage.id == home })
            for _ in 0..<600 { _ = victim.machine.disk.flipBit() }
            cluster.network.heal()
            await cluster.wait()
            for node in cluster.nodes { _ = await node.coordinator.catchUp() }
            await Self.healAll(cluster)
            #expect(await Self.guests(cluster).isEmpty)
            var scarce = 0
            for chunk in guests where await Self.wholeCopies(of: chunk, cluster) < 2 { scarce += 1 }
            if sabotage.isEmpty {
                #expect(scarce == 0)
            } else {
                #expect(scarce > 0, "The broken rule is noticed.")
            }
        }
    }

    private static func wholeCopies(of chunk: ChunkName, _ cluster: TestCluster) async -> Int {
        var copies = 0
        for node in cluster.nodes {
            let request = PeerRequest.readChunk(chunk, blocks: nil)
            let message = request.message(epoch: node.storage.layouts.epoch)
            let reply = await node.storage.handle(message, from: node.storage.id)
            if case .blocks? = try? PeerReply(reply) { copies += 1 }
        }
        return copies
    }
}
