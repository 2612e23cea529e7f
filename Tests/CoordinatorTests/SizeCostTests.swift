import Coordinator
import StoreModel
import Testing

/// What the operations of the benchmark cost, exactly: at 1 KiB, kept in the version, and at
/// 64 KiB, kept in a chunk.
///
/// On a quiet cluster of three that knows the bucket; stragglers are waited for and counted.
struct SizeCostTests {
    /// Round trips waited for, messages and frames to the two other nodes, stored blocks in all
    /// messages, and syncs of all nodes.
    fileprivate struct Cost: Hashable, CustomStringConvertible {
        var roundTrips: Int
        var remoteMessages: Int
        var frames: Int
        var bodyBytes: Int
        var rowSyncs: Int
        var chunkSyncs: Int

        var description: String {
            "\(self.roundTrips) \(self.remoteMessages) \(self.frames) \(self.bodyBytes)"
                + " \(self.rowSyncs) \(self.chunkSyncs)"
        }
    }

    private static let small = 1 << 10
    private static let large = 64 << 10

    private static func cost(
        _ cluster: TestCluster,
        _ work: (Coordinator) async throws -> Void
    ) async throws -> Cost {
        await cluster.wait()
        cluster.clearLedgers()
        let before = cluster.syncs
        let node = cluster.nodes[0]
        let roundTrips = try await cluster.roundTrips { try await work(node.coordinator) }
        await cluster.wait()
        let after = cluster.syncs
        return Cost(
            roundTrips: roundTrips,
            remoteMessages: node.ledger.entries.count { $0.isRemote },
            frames: node.ledger.frames,
            bodyBytes: node.ledger.bodyBytes,
            rowSyncs: after.rows - before.rows,
            chunkSyncs: after.chunks - before.chunks
        )
    }

    /// A cluster in which every node has its first volume, and two objects of each size.
    private static func run(
        _ body: @escaping @Sendable (TestCluster) async throws -> Void
    ) throws {
        try TestCluster.run(countsRoundTrips: true) { cluster in
            try await cluster[1].put(object("small"), content(Self.small))
            try await cluster[1].put(object("large"), content(Self.large))
            try await body(cluster)
        }
    }

    @Test("PUT: 8 frames for 1 KiB, 18 for 64 KiB, whose blocks go to three nodes once each")
    func put() throws {
        try Self.run { cluster in
            let small = try await Self.cost(cluster) {
                try await $0.put(object("a"), content(Self.small))
            }
            #expect(small == Cost(2, 4, 8, 0, 6, 0))
            let large = try await Self.cost(cluster) {
                try await $0.put(object("b"), content(Self.large))
            }
            #expect(large == Cost(2, 8, 18, 3 * Self.large, 9, 3))
        }
    }

    @Test("GET: 2 frames at either size, since a node that has the blocks asks nobody for them")
    func get() throws {
        try Self.run { cluster in
            let small = try await Self.cost(cluster) { _ = try await $0.get(object("small")) }
            #expect(small == Cost(1, 1, 2, 0, 0, 0))
            let large = try await Self.cost(cluster) { _ = try await $0.get(object("large")) }
            #expect(large == Cost(1, 1, 2, Self.large, 0, 0))
        }
    }

    @Test("HEAD: the same, and no blocks at any size")
    func head() throws {
        try Self.run { cluster in
            for name in ["small", "large"] {
                let cost = try await Self.cost(cluster) { _ = try await $0.open(object(name)) }
                #expect(cost == Cost(1, 1, 2, 0, 0, 0))
            }
        }
    }

    @Test("COPY: 10 frames for 1 KiB, and no blocks for 64 KiB, which go by reference")
    func copy() throws {
        try Self.run { cluster in
            let small = try await Self.cost(cluster) {
                _ = try await $0.copy(CopyRequest(source: object("small"), target: object("a")))
            }
            #expect(small == Cost(3, 5, 10, 0, 6, 0))
            let large = try await Self.cost(cluster) {
                _ = try await $0.copy(CopyRequest(source: object("large"), target: object("b")))
            }
            #expect(large == Cost(4, 9, 18, 0, 12, 0))
        }
    }

    @Test("LIST: 6 frames for a page")
    func list() throws {
        try Self.run { cluster in
            let cost = try await Self.cost(cluster) {
                let page = try await $0.list(ListRequest(bucket: photos))
                #expect(page.entries.count == 2)
            }
            // The bucket is looked up while rows of the one that was seen last are scanned.
            #expect(cost == Cost(1, 3, 6, 0, 0, 0))
        }
    }

    @Test("The blocks of a chunk lie in one place for all three nodes: copied for none of them")
    func addresses() throws {
        try Self.run { cluster in
            _ = try await Self.cost(cluster) { try await $0.put(object("a"), content(Self.large)) }
            let writes = cluster.nodes[0].ledger.entries.filter { $0.request == "write chunk" }
            #expect(writes.count == 3)
            #expect(Set(writes.map(\.bodyAddress)).count == 1)
        }
    }
}

extension SizeCostTests.Cost {
    fileprivate init(
        _ roundTrips: Int,
        _ remoteMessages: Int,
        _ frames: Int,
        _ bodyBytes: Int,
        _ rowSyncs: Int,
        _ chunkSyncs: Int
    ) {
        self.init(
            roundTrips: roundTrips,
            remoteMessages: remoteMessages,
            frames: frames,
            bodyBytes: bodyBytes,
            rowSyncs: rowSyncs,
            chunkSyncs: chunkSyncs
        )
    }
}
