import ChunkStore
import NIOCore
import Placement
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

@testable import Coordinator

/// A node that was away has everything soon after it is back: nobody has to ask for it.
struct ReturnTests {
    private static let objects = 20
    /// Between bodies in rows and those of several chunks.
    private static let body = content(30_000)

    /// Has nodes do what they do in the background.
    private static func start(_ indices: some Sequence<Int>, of cluster: TestCluster) {
        for index in indices {
            let node = cluster.nodes[index]
            node.machine.doors.background.run { await node.coordinator.runSweeps() }
        }
    }

    private static func put(_ numbers: Range<Int>, through node: Int, _ cluster: TestCluster)
        async throws
    {
        for number in numbers { try await cluster[node].put(object("\(number)"), Self.body) }
    }

    private static func chunks(_ cluster: TestCluster) -> [Int] {
        cluster.nodes.map { $0.storage.chunkStatistics.chunks }
    }

    /// Of objects whose rows and chunks all nodes have.
    private static func rows(_ cluster: TestCluster) -> [Int] {
        cluster.nodes.indices.map { cluster.keys(at: $0).count }
    }

    @Test("A node that was away for less than the pause between two looks has all chunks soon")
    func shortAbsence() throws {
        try TestCluster.run { cluster in
            Self.start(0...2, of: cluster)
            await cluster.wait(.seconds(61))
            cluster.nodes[2].machine.crash()
            try await Self.put(0..<Self.objects, through: 0, cluster)
            // Who wrote them has forgotten who was missing.
            cluster.nodes[0].machine.crash()
            let cluster = try await cluster.restarted(0).restarted(2)
            Self.start([0, 2], of: cluster)
            await cluster.wait(.seconds(60))
            #expect(Self.chunks(cluster) == Array(repeating: Self.objects, count: 3))
        }
    }

    @Test("Chunks are fetched, too, of manifests that a node hears of only after its first round")
    func lateRows() throws {
        try TestCluster.run { cluster in
            Self.start(0...1, of: cluster)
            cluster.nodes[2].machine.crash()
            try await Self.put(0..<Self.objects, through: 0, cluster)
            cluster.nodes[0].machine.crash()
            let cluster = try await cluster.restarted(0).restarted(2)
            Self.start([0], of: cluster)
            let node = cluster.nodes[2]
            node.machine.doors.background.run { await node.coordinator.runHealing() }
            await cluster.wait(.seconds(25))
            #expect(Self.chunks(cluster)[2] < Self.objects)
            node.machine.doors.background.run { await node.coordinator.runCatchUps() }
            await cluster.wait(.seconds(60))
            #expect(Self.chunks(cluster) == Array(repeating: Self.objects, count: 3))
            #expect(Set(Self.rows(cluster)).count == 1)
        }
    }

    enum Absence: CaseIterable {
        case cutOff, stoodStill
        /// As a virtual machine that is moved.
        case both
    }

    @Test(
        "A node that was cut off, or stood still, has all rows and chunks soon",
        arguments: Absence.allCases
    )
    func withoutStart(absence: Absence) throws {
        try TestCluster.run { cluster in
            Self.start(0...2, of: cluster)
            await cluster.wait(.seconds(62))
            if absence != .cutOff { cluster.nodes[2].machine.pause(for: .seconds(18)) }
            if absence != .stoodStill { cluster.isolate(2) }
            try await Self.put(0..<Self.objects, through: 0, cluster)
            await cluster.wait(.seconds(15))
            cluster.network.heal()
            await cluster.wait(.seconds(60))
            #expect(Self.chunks(cluster) == Array(repeating: Self.objects, count: 3))
            #expect(Set(Self.rows(cluster)).count == 1)
        }
    }

    @Test("Copies that the queue had no room for are made by a round")
    func fullQueue() throws {
        try TestCluster.run { cluster in
            try await Self.put(0..<Self.objects, through: 0, cluster)
            await cluster.wait()
            let repairs = cluster[0].healing.repairs
            #expect(!repairs.takeIncomplete())
            let manifest = ManifestID(partition: PartitionID(index: 1), birth: cluster.ballot())
            for number in 0...ChunkRepairs.waitingMax {
                #expect(!repairs.takeIncomplete())
                repairs.add(
                    ChunkName(manifest: manifest, part: 0, attempt: 0, index: UInt32(number)),
                    at: cluster.nodes[1].storage.id,
                    .write
                )
            }
            #expect(repairs.takeIncomplete())
        }
    }
}
