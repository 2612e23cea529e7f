import Coordinator
import NIOCore
import StoreModel
import Testing

/// What operations cost: messages by kind, round trips waited for, syncs.
///
/// All coordinators know the bucket already, and long enough for it not to matter how old what they
/// know is: see `hintAge`. Messages go to all three replicas, the own node
/// included, and the slowest is not waited for; but a read goes to the own node and one more.
struct CostTests {
    /// The cost of one operation on a quiet cluster, stragglers included.
    private struct Cost {
        var roundTrips = 0
        /// Round trips in which replicas had to sync: syncs that the operation waited for in turn.
        var syncedRoundTrips = 0
        var messages: [String: Int] = [:]
        /// Stored blocks that went through the coordinator.
        var bodyBytes = 0
        var rowSyncs = 0
        var chunkSyncs = 0
    }

    private static func cost(
        _ cluster: TestCluster,
        _ work: (Coordinator) async throws -> Void
    ) async throws -> Cost {
        // The first chunk on a node makes a volume, which has syncs of its own.
        try await cluster[1].put(object("first chunk"), content(20_000))
        await cluster.wait()
        cluster.clearLedgers()
        let before = cluster.syncs
        let node = cluster.nodes[0]
        var cost = Cost()
        cost.roundTrips = try await cluster.roundTrips { try await work(node.coordinator) }
        await cluster.wait()
        let after = cluster.syncs
        cost.syncedRoundTrips = cluster.syncedRoundTrips(of: 0)
        cost.messages = node.ledger.counts
        cost.bodyBytes = node.ledger.bodyBytes
        cost.rowSyncs = after.rows - before.rows
        cost.chunkSyncs = after.chunks - before.chunks
        return cost
    }

    @Test("Putting small content takes two round trips: prepare, accept")
    func putInline() throws {
        try TestCluster.run(countsRoundTrips: true) { cluster in
            let cost = try await Self.cost(cluster) { try await $0.put(object("a"), content(100)) }
            #expect(cost.roundTrips == 2)
            #expect(cost.syncedRoundTrips == 2)
            #expect(
                cost.messages == ["prepare object": 3, "accept object": 3]
            )
            #expect(cost.rowSyncs == 6)
            #expect(cost.chunkSyncs == 0)
        }
    }

    @Test("The third put in a row to a key takes one round trip and one sync per replica")
    func putStreak() throws {
        try TestCluster.run(countsRoundTrips: true) { cluster in
            // The second put has the ballot of the third promised along with it.
            let cost = try await Self.cost(cluster) { coordinator in
                for _ in 1...3 { try await coordinator.put(object("a"), content(100)) }
            }
            #expect(cost.roundTrips == 2 + 2 + 1)
            #expect(cost.syncedRoundTrips == 2 + 2 + 1)
            #expect(
                cost.messages == ["prepare object": 6, "accept object": 9]
            )
            #expect(cost.rowSyncs == 6 + 6 + 3)
        }
    }

    @Test("Putting one chunk takes no more: it is stored, and its manifest, while others prepare")
    func putChunk() throws {
        try TestCluster.run(countsRoundTrips: true) { cluster in
            let cost = try await Self.cost(cluster) {
                try await $0.put(object("a"), content(Limit.chunkBytes))
            }
            #expect(cost.roundTrips == 2)
            #expect(
                cost.messages == [
                    "prepare object": 3, "write chunk": 3,
                    "accept manifest": 3, "accept object": 3,
                ]
            )
            #expect(cost.rowSyncs == 9)
            #expect(cost.chunkSyncs == 3)
        }
    }

    @Test("Putting more than a chunk takes one more: the bucket is looked at before it is sent")
    func putChunks() throws {
        try TestCluster.run(countsRoundTrips: true) { cluster in
            let cost = try await Self.cost(cluster) {
                try await $0.put(object("a"), content(Limit.chunkBytes + 1))
            }
            #expect(cost.roundTrips == 3)
            #expect(cost.messages["read bucket"] == 2)
            #expect(cost.messages["write chunk"] == 6)
        }
    }

    @Test("Getting takes one round trip, and content comes from the own replica if there is one")
    func get() throws {
        try TestCluster.run(countsRoundTrips: true) { cluster in
            try await cluster[1].put(object("a"), content(100))
            try await cluster[1].put(object("b"), content(Limit.chunkBytes))
            let inline = try await Self.cost(cluster) { _ = try await $0.get(object("a")) }
            #expect(inline.roundTrips == 1)
            #expect(inline.messages == ["read object": 2])
            let chunk = try await Self.cost(cluster) { _ = try await $0.get(object("b")) }
            #expect(chunk.roundTrips == 1)
            #expect(chunk.messages["read object"] == 2)
            #expect(chunk.messages["read chunk"] == 4, "A chunk in steps of 1 MiB.")
            #expect(inline.rowSyncs + chunk.rowSyncs == 0)
            // What is not there may be in another bucket of that name.
            let missing = try await Self.cost(cluster) { coordinator in
                #expect(
                    await code { _ = try await coordinator.get(object("missing")) }
                        == .objectNotFound
                )
            }
            #expect(missing.messages == ["read bucket": 2, "read object": 2])
            #expect(
                cluster.nodes[0].ledger.entries.allSatisfy {
                    $0.request != "read chunk" || !$0.isRemote
                }
            )
        }
    }

    @Test("Copying by reference takes four round trips at any size, three of them with a sync")
    func reference() throws {
        try TestCluster.run(countsRoundTrips: true) { cluster in
            for length in [Limit.inlineBytes + 1, 3 * Limit.chunkBytes] {
                try await cluster[1].put(object("s"), content(length))
                let cost = try await Self.cost(cluster) {
                    let request = CopyRequest(source: object("s"), target: object("d\(length)"))
                    let copy = try await $0.copy(request)
                    #expect(copy.mode == .reference)
                }
                #expect(cost.roundTrips == 4)
                #expect(cost.syncedRoundTrips == 3, "The target's promise rides with the hold's.")
                #expect(
                    cost.messages == [
                        "read object": 2, "prepare object": 3,
                        "prepare manifest": 3, "accept manifest": 3, "accept object": 3,
                    ]
                )
                #expect(cost.bodyBytes == 0)
                #expect(cost.chunkSyncs == 0)
                #expect(cost.rowSyncs == 12)
            }
        }
    }

    @Test("The third copy in a row of a source takes three round trips, two of them with a sync")
    func referenceStreak() throws {
        try TestCluster.run(countsRoundTrips: true) { cluster in
            try await cluster[1].put(object("s"), content(Limit.chunkBytes))
            let cost = try await Self.cost(cluster) { coordinator in
                for number in 1...3 {
                    let target = object("d\(number)")
                    _ = try await coordinator.copy(CopyRequest(source: object("s"), target: target))
                }
            }
            #expect(cost.roundTrips == 4 + 4 + 3)
            #expect(cost.syncedRoundTrips == 3 + 3 + 2)
            #expect(
                cost.messages == [
                    "read object": 6, "prepare object": 9,
                    "prepare manifest": 6, "accept manifest": 9, "accept object": 9,
                ]
            )
            #expect(cost.rowSyncs == 12 + 12 + 9)
            #expect(cost.bodyBytes == 0)
        }
    }

    @Test("Copying content that is kept in the version takes three round trips")
    func inlineCopy() throws {
        try TestCluster.run(countsRoundTrips: true) { cluster in
            try await cluster[1].put(object("s"), content(100))
            let cost = try await Self.cost(cluster) {
                _ = try await $0.copy(CopyRequest(source: object("s"), target: object("d")))
            }
            #expect(cost.roundTrips == 3)
            #expect(cost.syncedRoundTrips == 2)
        }
    }

    @Test("An independent copy moves every chunk between nodes, and none through the coordinator")
    func independent() throws {
        try TestCluster.run(countsRoundTrips: true) { cluster in
            try await cluster[1].put(object("s"), content(3 * Limit.chunkBytes))
            let cost = try await Self.cost(cluster) {
                var request = CopyRequest(source: object("s"), target: object("d"))
                request.storageClass = .reducedRedundancy
                let copy = try await $0.copy(request)
                #expect(copy.chunksPulled == 3)
            }
            #expect(cost.messages["pull chunk"] == 6, "Three chunks, two replicas each.")
            #expect(cost.messages["read chunk"] == nil)
            #expect(cost.messages["write chunk"] == nil)
            #expect(cost.bodyBytes == 0)
            #expect(cost.chunkSyncs >= 2)
            // Every node has every chunk of the source: nothing travels at all.
            #expect(cluster.nodes.allSatisfy { $0.pulls.bodyBytes == 0 })
        }
    }

    @Test("On more nodes than replicas, each pulled chunk travels at most once for each replica")
    func pulls() throws {
        try TestCluster.run(5, countsRoundTrips: true) { cluster in
            let chunkCount = 3
            try await cluster[1].put(object("s"), content(chunkCount * Limit.chunkBytes))
            let cost = try await Self.cost(cluster) {
                let request = CopyRequest(
                    source: object("s"),
                    target: object("d"),
                    mode: .independent
                )
                _ = try await $0.copy(request)
            }
            #expect(cost.bodyBytes == 0)
            let travelled = cluster.nodes.reduce(0) { $0 + $1.pulls.bodyBytes }
            #expect(travelled > 0)
            #expect(travelled <= 3 * chunkCount * Limit.chunkBytes)
            #expect(try await cluster[3].get(object("d")) == content(chunkCount * Limit.chunkBytes))
        }
    }

    @Test("Deleting takes two round trips; what it drops is released behind it")
    func delete() throws {
        try TestCluster.run(countsRoundTrips: true) { cluster in
            try await cluster[1].put(object("a"), content(100_000))
            await cluster.wait()
            let cost = try await Self.cost(cluster) { try await $0.delete(object("a")) }
            #expect(cost.roundTrips == 2)
            #expect(
                cost.messages == ["read bucket": 2, "prepare object": 3, "accept object": 3]
            )
            #expect(cluster.chunks == 3 + 3, "Readers that are still at it are not cut off.")
            let summary = await cluster.sweepAll()
            #expect(summary.released == 1)
            #expect(cluster.chunks == 3)
        }
    }

    @Test("A sweep that finds nothing asks nobody but the own node")
    func idleSweep() throws {
        try TestCluster.run(countsRoundTrips: true) { cluster in
            try await cluster[0].put(object("a"), content(100_000))
            let cost = try await Self.cost(cluster) { _ = await $0.sweep() }
            #expect(cost.messages == ["scan": 3], "Garbage, tombstones, damage.")
            #expect(cost.roundTrips == 0)
        }
    }

    private static func smallParts(_ settings: inout CoordinatorSettings) {
        settings.partBytesMin = 0
    }

    @Test("Completing takes four round trips, and moves no content")
    func complete() throws {
        try TestCluster.run(countsRoundTrips: true, settings: Self.smallParts) { cluster in
            let upload = try await cluster[0].createUpload(object("a"))
            let parts = [
                try await cluster[1].put(1, of: upload, content(50_000)),
                try await cluster[2].put(2, of: upload, content(60_000)),
            ]
            await cluster.wait()
            let cost = try await Self.cost(cluster) { _ = try await $0.complete(upload, parts) }
            #expect(cost.roundTrips == 4)
            #expect(
                cost.messages == [
                    "read bucket": 2, "read object": 2, "prepare object": 3, "scan": 3,
                    "prepare manifest": 3, "accept manifest": 3, "accept object": 3,
                ]
            )
            #expect(cost.bodyBytes == 0)
            #expect(cost.rowSyncs == 12)
        }
    }

    @Test("An object of many parts is copied by reference in the same messages as any other")
    func manyParts() throws {
        try TestCluster.run(countsRoundTrips: true, settings: Self.smallParts) { cluster in
            let upload = try await cluster[0].createUpload(object("s"))
            var parts: [PartSummary] = []
            for number in 1...(Limit.inlineRuns + 1) {
                parts.append(try await cluster[0].put(number, of: upload, content(10 + number)))
            }
            _ = try await cluster[0].complete(upload, parts)
            await cluster.wait()
            let cost = try await Self.cost(cluster) {
                _ = try await $0.copy(CopyRequest(source: object("s"), target: object("d")))
            }
            #expect(cost.roundTrips == 4)
            #expect(
                cost.messages == [
                    "read object": 2, "prepare object": 3,
                    "prepare manifest": 3, "accept manifest": 3, "accept object": 3,
                ]
            )
            #expect(cost.bodyBytes == 0)
        }
    }
}
