import NIOCore
import PeerProtocol
import Placement
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

@testable import Coordinator

/// A change of the layout is done when its content is where it belongs.
struct ContentHandOverTests {
    private static let large = content(2 * Limit.chunkBytes + 5)
    private static let small = content(100_000)

    private static func crash(_ index: Int, _ cluster: TestCluster) {
        cluster.nodes[index].machine.crash()
        cluster.network.crashed(cluster.nodes[index].storage.id)
    }

    private static func isolate(_ index: Int, in cluster: TestCluster) {
        for other in cluster.nodes.indices where other != index {
            let (lost, rest) = (cluster.nodes[index].machine, cluster.nodes[other].machine)
            cluster.network.cut(from: lost, to: rest)
            cluster.network.cut(from: rest, to: lost)
        }
    }

    /// A cluster of three, and a fourth node that waits.
    private static func run(
        sabotage: Sabotage = [],
        _ body: @escaping @Sendable (TestCluster) async throws -> Void
    ) throws {
        try TestCluster.run(settings: Self.settings(sabotage)) { cluster in
            let cluster = try await cluster.adding(cluster.simulator.machine("n4"))
            await cluster.wait(.seconds(1))
            try await body(cluster)
        }
    }

    private static func settings(
        _ sabotage: Sabotage
    ) -> @Sendable (inout CoordinatorSettings) -> Void {
        { $0.sabotage = sabotage }
    }

    private static func has(_ chunk: ChunkName, _ node: TestCluster.Node) async -> Bool {
        let request = PeerRequest.readChunk(chunk, blocks: nil)
        let message = request.message(epoch: node.storage.layouts.epoch)
        let reply = await node.storage.handle(message, from: node.storage.id)
        if case .blocks? = try? PeerReply(reply) { return true }
        return false
    }

    private static func chunks(_ node: TestCluster.Node) async -> [ChunkName] {
        let request = PeerRequest.listChunks(after: nil, limit: Limit.chunkNames)
        let message = request.message(epoch: node.storage.layouts.epoch)
        let reply = await node.storage.handle(message, from: node.storage.id)
        guard case .chunkNames(let names)? = try? PeerReply(reply) else { return [] }
        return names
    }

    /// Copies of each chunk that any of the nodes has, on these nodes.
    private static func copies(_ cluster: TestCluster, _ indices: [Int]) async -> [Int] {
        // A node that goes on to the next layout gives no answer.
        await cluster.wait(.seconds(1))
        var counts: [ChunkName: Int] = [:]
        for index in indices {
            for chunk in await self.chunks(cluster.nodes[index])
            where await self.has(chunk, cluster.nodes[index]) { counts[chunk, default: 0] += 1 }
        }
        return counts.sorted { $0.key < $1.key }.map(\.value)
    }

    // MARK: - What moves

    @Test("A node that has left may be scrapped when the change is done, and then another one")
    func scrapped() throws {
        try Self.run { cluster in
            for number in 0..<12 { try await cluster[0].put(object("\(number)"), Self.small) }
            await cluster.wait()
            let (third, new) = (cluster.nodes[2].storage, cluster.nodes[3].storage)
            _ = try await cluster[1].changeLayout(.replace(third.id, by: new.description))
            Self.crash(2, cluster)
            cluster.nodes[2].machine.disk.wipe()
            let copies = await Self.copies(cluster, [0, 1, 3])
            #expect(copies == Array(repeating: 3, count: 12))
            Self.crash(0, cluster)
            for number in 0..<12 {
                #expect(try await cluster[1].get(object("\(number)")) == Self.small)
            }
        }
    }

    @Test("The node whose disk is gone need not be there for it")
    func deadNode() throws {
        try Self.run { cluster in
            Self.isolate(1, in: cluster)
            for number in 0..<12 { try await cluster[0].put(object("\(number)"), Self.small) }
            await cluster.wait(.seconds(15))
            cluster.network.heal()
            Self.crash(2, cluster)
            #expect(await Self.copies(cluster, [0, 1]) == Array(repeating: 1, count: 12))
            let (third, new) = (cluster.nodes[2].storage, cluster.nodes[3].storage)
            _ = try await cluster[0].changeLayout(.replace(third.id, by: new.description))
            let copies = await Self.copies(cluster, [0, 1, 3])
            #expect(copies == Array(repeating: 3, count: 12))
            #expect(cluster[0].healStatus.lost == 0)
        }
    }

    @Test("Parts of an open upload move, too")
    func parts() throws {
        try Self.run { cluster in
            Self.isolate(1, in: cluster)
            let upload = try await cluster[0].createUpload(object("a"))
            let part = try await cluster[0].put(1, of: upload, Self.large)
            await cluster.wait(.seconds(15))
            cluster.network.heal()
            Self.crash(2, cluster)
            let (third, new) = (cluster.nodes[2].storage, cluster.nodes[3].storage)
            _ = try await cluster[0].changeLayout(.replace(third.id, by: new.description))
            #expect(await Self.copies(cluster, [0, 1, 3]) == [3, 3, 3])
            _ = try await cluster[1].complete(upload, [part])
            Self.crash(0, cluster)
            #expect(try await cluster[1].get(object("a")) == Self.large)
        }
    }

    // MARK: - What is under way

    /// A body that stops for a while after its first chunk.
    private actor SlowBody: BodySource {
        private let time: any TimeSource
        private var pieces: [ByteBuffer]
        private let pause: Duration

        init(_ content: ByteBuffer, _ time: any TimeSource, _ pause: Duration) {
            var content = content
            let first = content.readSlice(length: Limit.chunkBytes) ?? ByteBuffer()
            self.pieces = [first, content]
            self.time = time
            self.pause = pause
        }

        func next() async throws -> ByteBuffer? {
            guard !self.pieces.isEmpty else { return nil }
            if self.pieces.count == 1 { await self.time.sleep(for: self.pause) }
            return self.pieces.removeFirst()
        }
    }

    @Test(
        "A body that takes longer than a change has two copies of each chunk on nodes that stay",
        arguments: [Sabotage.contentNotSecured, []]
    )
    func longBody(sabotage: Sabotage) throws {
        try Self.run(sabotage: sabotage) { cluster in
            Self.isolate(1, in: cluster)
            let stored = Eventual<Bool>()
            cluster.nodes[0].machine.doors.background.run {
                let body = SlowBody(
                    Self.large,
                    cluster.nodes[0].machine.doors.time,
                    .seconds(60)
                )
                let request = PutRequest(
                    name: object("a"),
                    metadata: ObjectMetadata(),
                    storageClass: .standard,
                    condition: .none,
                    announcedBytes: UInt64(Self.large.readableBytes)
                )
                stored.fulfil((try? await cluster[0].put(request, body: body)) != nil)
            }
            await cluster.wait(.seconds(20))
            cluster.network.heal()
            Self.crash(2, cluster)
            let (third, new) = (cluster.nodes[2].storage, cluster.nodes[3].storage)
            _ = try await cluster[1].changeLayout(.replace(third.id, by: new.description))
            #expect(await stored.value)
            let copies = await Self.copies(cluster, [0, 1, 3])
            #expect(copies.count == 3)
            if sabotage.isEmpty {
                #expect(copies.allSatisfy { $0 >= 2 })
            } else {
                #expect(copies.contains(1), "The broken rule is noticed.")
            }
        }
    }

    // MARK: - What stands in the way

    @Test("Another change is refused until the content of the first is there; the same one is not")
    func refused() throws {
        try Self.run { cluster in
            try await cluster[0].put(object("a"), Self.small)
            await cluster.wait()
            let (third, new) = (cluster.nodes[2].storage, cluster.nodes[3].storage)
            // No room on the new node: with patience the change waits for it.
            cluster.nodes[3].machine.disk.adjust { $0.sizeBytes = 0 }
            let change = MembershipChange.replace(third.id, by: new.description)
            let began = try await cluster[0].beginLayoutChange(change, waiting: .seconds(30))
            #expect(began == nil, "It goes on.")
            #expect(cluster.nodes[1].storage.layouts.layout?.isJoint == true)
            for index in 0..<2 {
                let other = MembershipChange.remove(cluster.nodes[1].storage.id)
                #expect(await code { _ = try await cluster[index].changeLayout(other) } == .busy)
            }
            cluster.nodes[3].machine.disk.adjust { $0 = SimulatedDisk.Settings() }
            let layout = try await cluster[1].changeLayout(change)
            #expect(layout.epoch == 3 && !layout.isJoint)
            #expect(await Self.copies(cluster, [0, 1, 3]) == [3])
        }
    }

    @Test("After ten minutes two copies are enough; with fewer the change waits for ever")
    func patience() throws {
        try Self.run { cluster in
            try await cluster[0].put(object("a"), Self.small)
            await cluster.wait()
            let (third, new) = (cluster.nodes[2].storage, cluster.nodes[3].storage)
            cluster.nodes[3].machine.disk.adjust { $0.sizeBytes = 0 }
            let change = MembershipChange.replace(third.id, by: new.description)
            let start = cluster.simulator.nanoseconds
            let layout = try await cluster[0].changeLayout(change)
            #expect(layout.epoch == 3)
            #expect(cluster.simulator.nanoseconds - start >= 600_000_000_000)
            #expect(await Self.copies(cluster, [0, 1, 3]) == [2])
            #expect(cluster[0].healStatus.lost == 0)
            let larger = try await cluster.adding(cluster.simulator.machine("n5"))
            await cluster.wait(.seconds(1))
            let (second, fifth) = (larger.nodes[1].storage, larger.nodes[4].storage)
            larger.nodes[4].machine.disk.adjust { $0.sizeBytes = 0 }
            let next = MembershipChange.replace(second.id, by: fifth.description)
            let end = try await larger[0].beginLayoutChange(next, waiting: .seconds(900))
            #expect(end == nil, "One copy is no content that may be left to itself.")
            larger.nodes[4].machine.disk.adjust { $0 = SimulatedDisk.Settings() }
            await cluster.wait(.seconds(60))
            #expect(larger.nodes[0].storage.layouts.epoch == 5)
            #expect(await Self.copies(larger, [0, 3, 4]) == [2])
        }
    }

    @Test("What nobody has does not stop a change for ever, and is reported")
    func lost() throws {
        try Self.run { cluster in
            try await cluster[0].put(object("a"), content(100_000))
            try await cluster[0].put(object("b"), content(100_000, seed: 2))
            await cluster.wait()
            let chunk = try #require(await Self.chunks(cluster.nodes[0]).first)
            for index in 0..<3 { _ = await cluster.ask(index, .dropCopies([chunk])) }
            let (third, new) = (cluster.nodes[2].storage, cluster.nodes[3].storage)
            let change = MembershipChange.replace(third.id, by: new.description)
            let start = cluster.simulator.nanoseconds
            let layout = try await cluster[0].changeLayout(change)
            #expect(layout.epoch == 3)
            #expect(cluster.simulator.nanoseconds - start >= 600_000_000_000)
            #expect(cluster[0].healStatus.lost == 1)
            #expect(await Self.copies(cluster, [0, 1, 3]) == [3])
            let summary = await cluster[0].heal()
            let other = await cluster[1].heal()
            let last = await cluster[3].heal()
            let missing = [summary, other, last].reduce(0) { $0 + $1.underReplicated }
            #expect(missing == 3, "It stays missing for every round.")
        }
    }
}
