import ChunkStore
import NIOCore
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

@testable import Coordinator

/// What has cost users of other stores their data, each played here once.
///
/// The numbers are those of their issue trackers and pull requests. Stories of volumes and of the
/// layout are `SparseVolumeTests` and `LayoutChangeTests`.
struct WoundsTests {
    private static let mebibyte = 1 << 20

    private static func copy(
        _ source: String,
        _ target: String,
        in cluster: TestCluster,
        through index: Int,
        metadata: ObjectMetadata? = nil
    ) async throws {
        var request = CopyRequest(source: object(source), target: object(target))
        request.metadata = metadata
        let result = try await cluster[index].copy(request)
        #expect(result.mode == .reference)
    }

    /// Everything that looks for what nobody needs, on all nodes that are up, for a long time.
    private static func clean(_ cluster: TestCluster, nodes: Range<Int> = 0..<3) async {
        for _ in 0..<3 {
            await cluster.wait(.seconds(1_000))
            for index in nodes {
                _ = await cluster[index].sweep()
                _ = await cluster[index].audit()
                _ = await cluster[index].heal()
            }
        }
    }

    @Test(
        "Ceph 70746: copied onto itself a hundred times, an object keeps its content",
        arguments: [6, 10]
    )
    func selfCopy(mebibytes: Int) throws {
        try TestCluster.run { cluster in
            let body = content(mebibytes * Self.mebibyte)
            try await cluster[0].put(object("s"), body)
            await cluster.wait()
            let chunks = cluster.chunks
            for round in 0..<100 {
                var metadata = ObjectMetadata()
                metadata.user = [.init(name: "round", value: "\(round)")]
                try await Self.copy("s", "s", in: cluster, through: round, metadata: metadata)
                if round.isMultiple(of: 20) { await Self.clean(cluster) }
            }
            await Self.clean(cluster)
            #expect(try await cluster[1].get(object("s")) == body)
            #expect(cluster.chunks == chunks)
            try await cluster[2].delete(object("s"))
            await Self.clean(cluster)
            #expect(cluster.chunks == 0)
        }
    }

    @Test(
        "Ceph 22613, 25473, 58213: copies share content, and go one by one in any order",
        arguments: [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
    )
    func sharedTag(order: [Int]) throws {
        try TestCluster.run { cluster in
            let body = content(20_000)
            try await cluster[0].put(object("0"), body)
            try await Self.copy("0", "1", in: cluster, through: 1)
            try await Self.copy("1", "2", in: cluster, through: 2)
            for (index, name) in order.enumerated() {
                await Self.clean(cluster)
                #expect(cluster.chunks == 3)
                for left in order[index...] {
                    #expect(try await cluster[left].get(object("\(left)")) == body)
                }
                try await cluster[name].delete(object("\(name)"))
            }
            await Self.clean(cluster)
            #expect(cluster.chunks == 0)
        }
    }

    @Test("Ceph 38228: a read that takes long neither loses live content nor keeps dead content")
    func longRead() throws {
        try TestCluster.run { cluster in
            let body = content(3 * Limit.chunkBytes)
            try await cluster[0].put(object("s"), body)
            try await Self.copy("s", "d", in: cluster, through: 1)
            let reader = try await cluster[2].open(object("s")).read(0..<UInt64(body.readableBytes))
            var found = ByteBuffer()
            while var piece = try await reader.next() {
                found.writeBuffer(&piece)
                try await cluster[0].delete(object("s"))
                await Self.clean(cluster)
            }
            #expect(found == body)
            #expect(try await cluster[1].get(object("d")) == body)
            try await cluster[0].delete(object("d"))
            await Self.clean(cluster)
            #expect(cluster.chunks == 0)
        }
    }

    @Test("Ceph 33511: an overwrite drops what the old version named, and nothing of its copies")
    func overwrite() throws {
        try TestCluster.run { cluster in
            let (old, new) = (content(50_000, seed: 1), content(60_000, seed: 2))
            try await cluster[0].put(object("s"), old)
            try await Self.copy("s", "d", in: cluster, through: 1)
            try await cluster[2].put(object("d"), new)
            await Self.clean(cluster)
            #expect(try await cluster[0].get(object("s")) == old)
            try await Self.copy("d", "s", in: cluster, through: 0)
            await Self.clean(cluster)
            #expect(cluster.chunks == 3, "Nobody names the old content.")
            for name in ["s", "d"] { #expect(try await cluster[1].get(object(name)) == new) }
        }
    }

    @Test(
        "Garage 39: content that loses its last name while it gets another lives or dies whole",
        arguments: UInt64(0)..<12
    )
    func lastName(seed: UInt64) throws {
        try TestCluster.run(seed: seed) { cluster in
            let body = content(20_000)
            try await cluster[0].put(object("s"), body)
            await cluster.wait()
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    let code = await code {
                        try await Self.copy("s", "d", in: cluster, through: 1)
                    }
                    #expect(code == nil || code == .sourceNotFound)
                }
                group.addTask { _ = await code { try await cluster[0].delete(object("s")) } }
                group.addTask { for index in 0..<9 { _ = await cluster[index].sweep() } }
            }
            await Self.clean(cluster)
            let isThere = await code { _ = try await cluster[2].open(object("d")) } == nil
            #expect(cluster.chunks == (isThere ? 3 : 0))
            if isThere { #expect(try await cluster[2].get(object("d")) == body) }
        }
    }

    @Test("MinIO 14380, 14053, 16401: a node that hears nobody for long takes nothing for dead")
    func dangling() throws {
        try TestCluster.run { cluster in
            let body = content(20_000)
            for name in 0..<4 { try await cluster[name].put(object("\(name)"), body) }
            await cluster.wait()
            for other in [1, 2] { cluster.nodes[other].machine.crash() }
            await Self.clean(cluster, nodes: 0..<1)
            #expect(cluster.nodes[0].storage.chunkStatistics.chunks == 4)
            var back = cluster
            for other in [1, 2] { back = try await back.restarted(other) }
            await Self.clean(back)
            for name in 0..<4 { #expect(try await back[name].get(object("\(name)")) == body) }
            #expect(back.chunks == 12)
        }
    }

    @Test("MinIO 9931, 7428: what was deleted while a node was down does not come back")
    func deletedWhileDown() throws {
        try TestCluster.run { cluster in
            let (old, new) = (content(20_000, seed: 1), content(20_000, seed: 2))
            for name in ["deleted", "overwritten"] { try await cluster[0].put(object(name), old) }
            await cluster.wait()
            cluster.nodes[2].machine.crash()
            try await cluster[0].delete(object("deleted"))
            try await cluster[1].put(object("overwritten"), new)
            await Self.clean(cluster, nodes: 0..<2)
            let back = try await cluster.restarted(2)
            await Self.clean(back)
            back.nodes[0].machine.crash()
            await back.wait()
            for index in [1, 2] {
                let gone = await code { _ = try await back[index].open(object("deleted")) }
                #expect(gone == .objectNotFound)
                #expect(try await back[index].get(object("overwritten")) == new)
            }
        }
    }

    @Test(
        "MinIO 8fdfcfb56, 20301: an overwrite whose node dies in the middle is made or not made",
        arguments: 0..<12
    )
    func halfDone(step: Int) throws {
        try TestCluster.run { cluster in
            let (old, new) = (content(20_000, seed: 1), content(20_000, seed: 2))
            try await cluster[1].put(object("k"), old)
            await cluster.wait()
            cluster.nodes[0].machine.doors.background.run {
                _ = try? await cluster[0].put(object("k"), new)
            }
            await cluster.wait(.milliseconds(step))
            cluster.nodes[0].machine.crash()
            await cluster.wait(.seconds(30))
            let first = try await cluster[1].get(object("k"))
            switch step {
            case 0: #expect(first == old)
            case 11: #expect(first == new)
            default: #expect(first == old || first == new)
            }
            #expect(try await cluster[2].get(object("k")) == first, "Seen once, it stays.")
            let back = try await cluster.restarted(0)
            await Self.clean(back)
            #expect(try await back[0].get(object("k")) == first)
            #expect(back.chunks == 3)
        }
    }
}
