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

    @Test(
        "Changes of a contended key do not wait for a replica that stands still",
        arguments: UInt64(1)...4
    )
    func contended(seed: UInt64) throws {
        let change: @Sendable (inout CoordinatorSettings) -> Void = { $0.forwardAfter = 1_000 }
        try TestCluster.run(seed: seed, settings: change) { cluster in
            let name = object("a")
            try await cluster[0].put(name, content(100))
            cluster.nodes[2].machine.pause(for: .seconds(60))
            for round in 0..<20 {
                let slowest = try await Self.slowest(of: 4, in: cluster) { number in
                    let body = content(100, seed: UInt64(round * 4 + number))
                    try await cluster[number % 2].put(name, body)
                }
                #expect(slowest < Self.patience, "\(slowest) in round \(round)")
            }
        }
    }

    @Test("Small bodies take no more room than they need while a node has not taken its copies")
    func smallBodies() throws {
        try TestCluster.run { cluster in
            cluster.nodes[2].machine.pause(for: .seconds(60))
            let slowest = try await Self.slowest(of: 100, in: cluster) { number in
                let body = content(20_000, seed: UInt64(number))
                try await cluster[0].put(object("\(number)"), body)
            }
            #expect(slowest < Self.patience, "\(slowest)")
        }
    }

    @Test("Copies for a node that answers nothing any more are given up, and leave room for others")
    func largeBodies() throws {
        let change: @Sendable (inout CoordinatorSettings) -> Void = {
            $0.uploadBytes = 2 * Limit.chunkBytes
        }
        try TestCluster.run(settings: change) { cluster in
            cluster.nodes[2].machine.pause(for: .seconds(60))
            var slow = 0
            for number in 0..<8 {
                let body = content(Limit.chunkBytes, seed: UInt64(number))
                let time = try await Self.time(in: cluster) {
                    try await cluster[number % 2].put(object("\(number)"), body)
                }
                #expect(time < .seconds(2), "put \(number)")
                if time > Self.patience { slow += 1 }
            }
            // At each of two coordinators one waits until the room has been given back.
            #expect(slow <= 2)
        }
    }

    @Test("A copy whose nearest source stands still is pulled from the next one")
    func source() throws {
        try TestCluster.run(5) { cluster in
            for number in 0..<6 {
                let body = content(40_000, seed: UInt64(number))
                try await cluster[0].put(
                    object("s\(number)"),
                    body,
                    storageClass: .reducedRedundancy
                )
            }
            await cluster.wait()
            for paused in 0..<4 {
                cluster.nodes[paused].machine.pause(for: .seconds(3))
                let slowest = try await Self.slowest(of: 6, in: cluster) { number in
                    let name = object("\(paused) \(number)")
                    var request = CopyRequest(source: object("s\(number)"), target: name)
                    request.mode = .independent
                    _ = try await cluster[4].copy(request)
                }
                #expect(slowest < .seconds(1), "while \(paused) stands still: \(slowest)")
                await cluster.wait(.seconds(10))
            }
        }
    }

    /// How much virtual time the slowest of some works takes that are begun at once.
    private static func slowest(
        of count: Int,
        in cluster: TestCluster,
        _ work: @escaping @Sendable (Int) async throws -> Void
    ) async throws -> Duration {
        try await withThrowingTaskGroup(of: Duration.self) { group in
            for number in 0..<count {
                group.addTask { try await Self.time(in: cluster) { try await work(number) } }
            }
            return try await group.reduce(.zero, max)
        }
    }
}
