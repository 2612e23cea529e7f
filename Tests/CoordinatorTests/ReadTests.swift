import Coordinator
import NIOCore
import Placement
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

/// Whom reads ask: a majority first, and the others when that is not enough.
struct ReadTests {
    /// The numbers of the nodes as a reader on node 0 asks them: itself, the second, the third.
    private static func second(_ cluster: TestCluster, _ name: ObjectName) async throws -> Int {
        let (key, _) = try await cluster.register(name)
        let layout = try #require(cluster.nodes[0].storage.layouts.layout)
        let own = cluster.nodes[0].storage.id
        let second = try #require(layout.replicaSet(of: key.partition).first { $0 != own })
        return try #require(cluster.nodes.firstIndex { $0.storage.id == second })
    }

    private static func third(_ cluster: TestCluster, _ name: ObjectName) async throws -> Int {
        3 - (try await Self.second(cluster, name))
    }

    private static func isolate(_ index: Int, in cluster: TestCluster) {
        for other in cluster.nodes.indices where other != index {
            let (lost, rest) = (cluster.nodes[index].machine, cluster.nodes[other].machine)
            cluster.network.cut(from: lost, to: rest)
            cluster.network.cut(from: rest, to: lost)
        }
    }

    /// What one read by node 0 asked for, and how long it took, in ms.
    private static func read(
        _ cluster: TestCluster,
        _ name: ObjectName
    ) async throws -> (size: UInt64, reads: Int, others: Int, milliseconds: Double) {
        cluster.clearLedgers()
        let begin = cluster.simulator.nanoseconds
        let found = try await cluster[0].open(name)
        let time = Double(cluster.simulator.nanoseconds - begin) / 1_000_000
        await cluster.wait(.milliseconds(100))
        let counts = cluster.nodes[0].ledger.counts
        let reads = counts["read object"] ?? 0
        return (found.summary.size, reads, counts.values.reduce(0, +) - reads, time)
    }

    /// Nobody looks at the bucket, however long this takes.
    private static func knowing(_ settings: inout CoordinatorSettings) {
        settings.hintAge = .seconds(3_600)
    }

    @Test("Every node reads for itself and asks one other; the third replica is left alone")
    func quiet() throws {
        try TestCluster.run(settings: Self.knowing) { cluster in
            for number in 0..<20 {
                try await cluster[0].put(object("\(number)"), content(100))
            }
            await cluster.wait()
            for number in 0..<20 {
                let read = try await Self.read(cluster, object("\(number)"))
                #expect(read.reads == 2)
                #expect(read.others == 0)
            }
        }
    }

    @Test("Where two answer differently the third decides: nothing is written")
    func disagreement() throws {
        try TestCluster.run { cluster in
            let name = object("a")
            try await cluster[0].put(name, content(100))
            await cluster.wait()
            Self.isolate(try await Self.second(cluster, name), in: cluster)
            try await cluster[0].put(name, content(200))
            cluster.network.heal()
            let read = try await Self.read(cluster, name)
            #expect(read.size == 200)
            #expect(read.reads == 3)
            #expect(read.others == 0)
        }
    }

    @Test("A replica that is behind and not asked stays behind, until it compares its rows")
    func behind() throws {
        try TestCluster.run { cluster in
            let name = object("a")
            try await cluster[0].put(name, content(100))
            await cluster.wait()
            let third = try await Self.third(cluster, name)
            Self.isolate(third, in: cluster)
            try await cluster[0].put(name, content(200))
            cluster.network.heal()
            #expect(try await Self.read(cluster, name).reads == 2)
            // It is no less part of a majority: its own reads find out.
            #expect(try await cluster[third].open(name).summary.size == 200)
            #expect(await cluster[third].catchUp().rows > 0)
        }
    }

    @Test("A node that hangs costs one read 20 ms at most, and the next ones nothing")
    func hanging() throws {
        try TestCluster.run { cluster in
            let name = object("a")
            try await cluster[0].put(name, content(100))
            await cluster.wait()
            let second = try await Self.second(cluster, name)
            cluster.nodes[second].machine.pause(for: .seconds(3))
            let slow = try await Self.read(cluster, name)
            #expect(slow.reads == 3)
            #expect((15...21).contains(slow.milliseconds))
            for _ in 1...3 {
                let read = try await Self.read(cluster, name)
                #expect(read.reads == 2)
                #expect(read.milliseconds < 5)
            }
            await cluster.wait(.seconds(4))
            let again = try await Self.read(cluster, name)
            #expect(again.reads == 2)
            #expect(cluster.nodes[0].ledger.entries.allSatisfy { !$0.request.contains("accept") })
        }
    }

    @Test("A node that cannot be reached is replaced at once")
    func down() throws {
        try TestCluster.run { cluster in
            let name = object("a")
            try await cluster[0].put(name, content(100))
            await cluster.wait()
            let second = try await Self.second(cluster, name)
            cluster.nodes[second].machine.crash()
            cluster.network.crashed(cluster.nodes[second].storage.id)
            let first = try await Self.read(cluster, name)
            #expect(first.reads == 3)
            #expect(first.milliseconds < 5)
            #expect(try await Self.read(cluster, name).reads == 2)
        }
    }

    @Test("Many reads beside a node that hangs all end within the silence, each asked by one alarm")
    func many() throws {
        try TestCluster.run { cluster in
            let names = (0..<50).map { object("\($0)") }
            for name in names { try await cluster[0].put(name, content(100)) }
            await cluster.wait()
            cluster.nodes[1].machine.pause(for: .seconds(3))
            let begin = cluster.simulator.nanoseconds
            try await withThrowingTaskGroup(of: Void.self) { group in
                for name in names {
                    group.addTask { _ = try await cluster[0].open(name) }
                }
                try await group.waitForAll()
            }
            let time = Double(cluster.simulator.nanoseconds - begin) / 1_000_000
            #expect(time < 25)
        }
    }
}
