import ChunkStore
import Coordinator
import NIOCore
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

/// Disks that are full, and disks that fail.
struct DiskTroubleTests {
    private static let large = content(Limit.chunkBytes + 5)

    @Test("With one full node writes go on; it gets its copies once it has room", arguments: 0..<3)
    func oneFull(full: Int) throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("before"), Self.large)
            await cluster.wait()
            cluster.nodes[full].machine.disk.adjust { $0.sizeBytes = 0 }
            for number in 0..<3 {
                try await cluster[number].put(object("\(number)"), Self.large)
                let found = try await cluster[number + 1].get(object("\(number)"))
                #expect(found == Self.large)
            }
            await cluster.wait(.seconds(15))
            #expect(cluster.nodes[full].storage.isInService, "It reads and deletes.")
            var missing = 0
            for node in cluster.nodes {
                missing += await node.coordinator.heal().underReplicated
            }
            #expect(missing > 0)
            try await cluster[full].delete(object("before"))
            cluster.nodes[full].machine.disk.adjust { $0 = SimulatedDisk.Settings() }
            missing = 0
            for node in cluster.nodes {
                missing += await node.coordinator.heal().underReplicated
            }
            #expect(missing == 0)
            await cluster.sweepAll()
            #expect(cluster.nodes.map { $0.storage.chunkStatistics.chunks } == [6, 6, 6])
        }
    }

    @Test("With two full nodes of three writes are refused for want of room; the rest goes on")
    func twoFull() throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("a"), Self.large)
            try await cluster[0].put(object("b"), Self.large)
            await cluster.wait()
            for node in cluster.nodes.prefix(2) { node.machine.disk.adjust { $0.sizeBytes = 0 } }
            let refused = await code { try await cluster[2].put(object("c"), Self.large) }
            #expect(refused == .storageFull)
            let found = try await cluster[0].get(object("a"))
            #expect(found == Self.large)
            _ = try await cluster[1].copy(CopyRequest(source: object("a"), target: object("d")))
            try await cluster[1].delete(object("b"))
            await cluster.sweepAll()
            for node in cluster.nodes.prefix(2) {
                node.machine.disk.adjust { $0 = SimulatedDisk.Settings() }
            }
            try await cluster[2].put(object("c"), Self.large)
        }
    }

    @Test("A node whose sync failed serves nothing until it is started again; nothing is lost")
    func failedSync() throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("before"), Self.large)
            await cluster.wait()
            cluster.nodes[1].machine.disk.failNextSync()
            try await cluster[0].put(object("during"), Self.large)
            await cluster.wait()
            #expect(!cluster.nodes[1].storage.isInService)
            for name in ["before", "during"] {
                let found = try await cluster[2].get(object(name))
                #expect(found == Self.large)
            }
            cluster.nodes[1].machine.crash()
            let cluster = try await cluster.restarted(1)
            await cluster.wait()
            for node in cluster.nodes { _ = await node.coordinator.catchUp() }
            var missing = 0
            for node in cluster.nodes {
                missing += await node.coordinator.heal().underReplicated
            }
            #expect(missing == 0)
            #expect(cluster.nodes.map { $0.storage.chunkStatistics.chunks } == [4, 4, 4])
        }
    }
}
