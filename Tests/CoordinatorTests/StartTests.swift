import Coordinator
import PeerProtocol
import Placement
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

/// A node whose directory was put back to an earlier state must not serve.
struct StartTests {
    private typealias Rows = [(family: RowFamily, key: [UInt8], value: [UInt8])]

    /// All that a node's engine has.
    private static func snapshot(_ machine: SimulatedMachine) async throws -> Rows {
        var rows: Rows = []
        for family in RowFamily.allCases {
            let found = try await machine.engine.scan(family, from: [], to: nil, limit: .max)
            rows += found.map { (family, $0.key, $0.value) }
        }
        return rows
    }

    private static func putBack(_ rows: Rows, on machine: SimulatedMachine) async throws {
        machine.engine.wipe()
        var batch = RowBatch()
        for row in rows { batch.put(row.family, row.key, row.value) }
        try await machine.engine.commit(batch, durable: true)
    }

    private static func restart(_ index: Int, _ cluster: TestCluster) async throws -> TestCluster {
        cluster.nodes[index].machine.crash()
        cluster.network.crashed(cluster.nodes[index].storage.id)
        return try await cluster.restarted(index)
    }

    private static let read = PeerRequest.register(.layout, .read)

    private static func failure(_ reply: PeerReply?) -> PeerFailure.Code? {
        if case .failure(let failure)? = reply { return failure.code }
        return nil
    }

    @Test("A node that starts again serves as soon as another has taken note of its start")
    func restart() throws {
        try TestCluster.run { cluster in
            await cluster.wait()
            let again = try await Self.restart(2, cluster)
            #expect(Self.failure(await again.ask(2, Self.read)) == .unconfirmed)
            await again.wait(.seconds(1))
            #expect(Self.failure(await again.ask(2, Self.read)) == nil)
            try await again[2].put(object("a"), content(10))
        }
    }

    @Test("A node that is back has introduced itself once all others took note or were silent")
    func introduction() throws {
        try TestCluster.run { cluster in
            await cluster.wait()
            cluster.nodes[1].machine.crash()
            cluster.network.crashed(cluster.nodes[1].storage.id)
            let again = try await Self.restart(2, cluster)
            let storage = again.nodes[2].storage
            #expect(!storage.hasIntroducedItself)
            await again.wait(.seconds(3))
            #expect(storage.hasIntroducedItself)
            #expect(!storage.isKnownToAll)
            // One that nobody hears has asked everybody, and cannot be counted on.
            again.isolate(2)
            let unheard = try await Self.restart(2, again)
            await unheard.wait(.seconds(10))
            #expect(!unheard.nodes[2].storage.hasIntroducedItself)
        }
    }

    @Test("A node that nobody can hear waits, and serves when somebody does")
    func alone() throws {
        try TestCluster.run { cluster in
            await cluster.wait()
            cluster.isolate(2)
            let again = try await Self.restart(2, cluster)
            await again.wait(.seconds(10))
            #expect(Self.failure(await again.ask(2, Self.read)) == .unconfirmed)
            again.network.heal()
            await again.wait(.seconds(60))
            #expect(Self.failure(await again.ask(2, Self.read)) == nil)
        }
    }

    @Test("All nodes at once start again")
    func allAtOnce() throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("a"), content(10))
            await cluster.wait()
            for node in cluster.nodes { node.machine.crash() }
            var again = cluster
            for index in 0..<3 { again = try await again.restarted(index) }
            await again.wait()
            #expect(try await again[1].get(object("a")) == content(10))
        }
    }

    @Test(
        "An earlier state of a directory is noticed, whether its next start is older or the same",
        arguments: [1, 2]
    )
    func putBack(startsLater: Int) throws {
        try TestCluster.run { cluster in
            await cluster.wait()
            let machine = cluster.nodes[2].machine
            let old = try await Self.snapshot(machine)
            var again = cluster
            for _ in 0..<startsLater {
                again = try await Self.restart(2, again)
                await again.wait()
                #expect(again.nodes[2].storage.isInService)
            }
            machine.crash()
            try await Self.putBack(old, on: machine)
            let back = try await again.restarted(2)
            await back.wait()
            #expect(!back.nodes[2].storage.isInService)
            #expect(Self.failure(await back.ask(2, Self.read)) == .outOfService)
            let refused = await code {
                try await back[2].formCluster(
                    seeds: [],
                    own: back.nodes[2].storage.description,
                    connector: NoSeeds()
                ) { try LayoutPlan.first(nodes: $0) }
            }
            #expect(refused == .internalError)
            // There is no next start.
            await #expect(throws: StorageNodeError.self) { try await Self.restart(2, back) }
            try await back[0].put(object("a"), content(10))
        }
    }

    @Test("An earlier state is noticed however often it is started before anybody answers")
    func putBackAndCrashed() throws {
        try TestCluster.run { cluster in
            await cluster.wait()
            let machine = cluster.nodes[2].machine
            let old = try await Self.snapshot(machine)
            var again = try await Self.restart(2, cluster)
            await again.wait()
            machine.crash()
            try await Self.putBack(old, on: machine)
            again.isolate(2)
            for _ in 0..<3 {
                again = try await again.restarted(2)
                machine.crash()
            }
            again.network.heal()
            let back = try await again.restarted(2)
            await back.wait()
            #expect(!back.nodes[2].storage.isInService)
        }
    }

    @Test("A node that was away for several starts of another takes note of the newest")
    func missedStarts() throws {
        try TestCluster.run { cluster in
            await cluster.wait()
            cluster.nodes[1].machine.crash()
            cluster.network.crashed(cluster.nodes[1].storage.id)
            var again = cluster
            for _ in 0..<3 {
                again = try await Self.restart(2, again)
                await again.wait()
            }
            again = try await again.restarted(1)
            await again.wait(.seconds(60))
            #expect(again.nodes[2].storage.isKnownToAll)
            #expect(again.nodes[2].storage.isInService)
        }
    }

    /// Nobody is at any address.
    private struct NoSeeds: SeedConnector {
        func connect(to address: String) async throws(NetworkError) -> NodeID {
            throw .unreachable
        }
    }
}
