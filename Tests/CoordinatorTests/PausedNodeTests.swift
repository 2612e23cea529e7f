import ChunkStore
import Coordinator
import NIOCore
import Placement
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

/// A node stands still: its connections stay, and nothing is answered.
struct PausedNodeTests {
    private static let patience = Duration.milliseconds(500)

    /// How much virtual time work takes.
    private static func time(
        in cluster: TestCluster,
        _ work: () async throws -> Void
    ) async rethrows -> Duration {
        let start = cluster.simulator.nanoseconds
        try await work()
        return .nanoseconds(Int64(cluster.simulator.nanoseconds - start))
    }

    private static func put(_ number: Int, _ cluster: TestCluster) async throws {
        try await cluster[number % 4].put(
            object("\(number)"),
            content(40_000, seed: UInt64(number)),
            storageClass: .reducedRedundancy
        )
    }

    @Test(
        "Content whose home stands still is written elsewhere and read from there",
        arguments: UInt64(1)...3
    )
    func standsStill(seed: UInt64) throws {
        try TestCluster.run(5, seed: seed) { cluster in
            for number in 0..<20 { try await Self.put(number, cluster) }
            cluster.nodes[4].machine.pause(for: .seconds(60))
            var slow = 0
            for number in 20..<60 {
                let time = try await Self.time(in: cluster) { try await Self.put(number, cluster) }
                #expect(time < Self.patience, "put \(number)")
                if time > .milliseconds(200) { slow += 1 }
            }
            // For each of four coordinators one of those who write finds out; the others need not.
            #expect((1...4).contains(slow))
            for number in 0..<60 {
                let time = try await Self.time(in: cluster) {
                    let found = try await cluster[number % 4].get(object("\(number)"))
                    #expect(found == content(40_000, seed: UInt64(number)))
                }
                #expect(time < Self.patience, "get \(number)")
            }
        }
    }

    @Test("A node that goes on is trusted again, and what it was not given moves home")
    func back() throws {
        try TestCluster.run(5, seed: 1) { cluster in
            cluster.nodes[4].machine.pause(for: .seconds(10))
            for number in 0..<20 { try await Self.put(number, cluster) }
            await cluster.wait(.seconds(30))
            let before = cluster.nodes[4].storage.chunkStatistics.chunks
            for number in 20..<60 { try await Self.put(number, cluster) }
            await cluster.wait()
            #expect(cluster.nodes[4].storage.chunkStatistics.chunks > before + 5)
            for number in 0..<60 { try await cluster[number % 4].delete(object("\(number)")) }
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
        }
    }

    @Test("Only those wait for an affinity node that stands still who asked it just before")
    func affinity() throws {
        let change: @Sendable (inout CoordinatorSettings) -> Void = { $0.forwardAfter = 0 }
        try TestCluster.run(settings: change) { cluster in
            let name = object("a")
            let (key, _) = try await cluster.register(name)
            let layout = try #require(cluster.nodes[0].storage.layouts.layout)
            let first = layout.replicaSet(of: key.partition)[0]
            let home = try #require(cluster.nodes.firstIndex { $0.storage.id == first })
            let other = cluster[home + 1]
            try await other.put(name, content(100))
            cluster.nodes[home].machine.pause(for: .seconds(60))
            await withTaskGroup { group in
                group.addTask { _ = try? await other.put(name, content(200)) }
                await cluster.wait(.milliseconds(1_500))
                for number in 1...10 {
                    let body = content(300, seed: UInt64(number))
                    let time = await Self.time(in: cluster) { _ = try? await other.put(name, body) }
                    #expect(time < Self.patience, "put \(number)")
                    let found = try? await cluster[home + 2].get(name)
                    #expect(found == body)
                }
            }
        }
    }
}
