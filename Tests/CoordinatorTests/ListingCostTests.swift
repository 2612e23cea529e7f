import Coordinator
import PeerProtocol
import Placement
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

/// What listings cost, and what they do when rows or nodes are missing.
struct ListingCostTests {
    private static func key(_ number: Int) -> String {
        String(repeating: "0", count: 4 - "\(number)".count) + "\(number)"
    }

    private static func fill(_ cluster: TestCluster, _ keys: [String]) async throws {
        for (number, key) in keys.enumerated() {
            try await cluster[number].put(object(key), content(10))
        }
        await cluster.wait()
    }

    /// Lists page by page through one node, and checks each page's messages.
    private static func list(
        _ cluster: TestCluster,
        _ request: ListRequest,
        costs: [String: Int] = ["read bucket": 2, "scan": 3]
    ) async throws -> [ListPage] {
        var request = request
        var pages: [ListPage] = []
        repeat {
            cluster.clearLedgers()
            let page = try await cluster[0].list(request)
            await cluster.wait()
            #expect(cluster.nodes[0].ledger.counts == costs, "page \(pages.count + 1)")
            pages.append(page)
            request.after = page.next
        } while request.after != nil
        return pages
    }

    @Test("A page costs one scan of each node, and no read of a key on which replicas agree")
    func plain() throws {
        try TestCluster.run { cluster in
            let keys = (0..<25).map(Self.key)
            try await Self.fill(cluster, keys)
            let pages = try await Self.list(cluster, ListRequest(bucket: photos, limit: 10))
            #expect(pages.map(\.entries.count) == [10, 10, 5])
        }
    }

    @Test("A page of a thousand keys is one scan of each node, too")
    func thousand() throws {
        try TestCluster.run { cluster in
            let keys = (0..<(Limit.listEntries + 1)).map(Self.key)
            try await Self.fill(cluster, keys)
            let pages = try await Self.list(cluster, ListRequest(bucket: photos))
            #expect(pages.map(\.entries.count) == [Limit.listEntries, 1])
        }
    }

    @Test("A page of common prefixes costs no more, however many keys are below them")
    func delimiter() throws {
        try TestCluster.run { cluster in
            let keys = (0..<120).map { "group\($0 / 20)/\(Self.key($0))" } + ["a", "z"]
            try await Self.fill(cluster, keys)
            let request = ListRequest(bucket: photos, delimiter: Array("/".utf8), limit: 3)
            let pages = try await Self.list(cluster, request)
            #expect(pages.map(\.entries.count) == [3, 3, 2])
        }
    }

    /// What a page costs the engine of each node.
    private static func walked(
        _ cluster: TestCluster,
        _ request: ListRequest
    ) async throws -> (page: ListPage, costs: [WalkCounts]) {
        let before = cluster.nodes.map(\.machine.engine.walked)
        let page = try await cluster[0].list(request)
        await cluster.wait()
        let costs = zip(cluster.nodes, before).map { $0.machine.engine.walked - $1 }
        return (page, costs)
    }

    @Test("A page of keys is one walk on each node, over its rows and three more")
    func walk() throws {
        try TestCluster.run { cluster in
            try await Self.fill(cluster, (0..<40).map(Self.key))
            let request = ListRequest(bucket: photos, limit: 10)
            let (page, costs) = try await Self.walked(cluster, request)
            #expect(page.entries.count == 10)
            // One more tells whether there is a next page, one is asked for in case that a key is
            // gone, and one shows that it is not the last.
            #expect(costs == Array(repeating: WalkCounts(walks: 1, rows: 13), count: 3))
        }
    }

    @Test("A page of common prefixes is one walk on each node, with a leap over each group")
    func leaps() throws {
        try TestCluster.run { cluster in
            let keys = (0..<240).map { "group\(Self.key($0 / 20))/\(Self.key($0))" }
            try await Self.fill(cluster, keys)
            var request = ListRequest(bucket: photos, delimiter: Array("/".utf8), limit: 4)
            let (page, costs) = try await Self.walked(cluster, request)
            #expect(page.entries.count == 4)
            // Of each of five groups one row is read and two are passed over; one of the sixth is
            // read, and one more shows that it is not the last.
            let few = WalkCounts(walks: 1, rows: 3 * 5 + 2, seeks: 5)
            #expect(costs == Array(repeating: few, count: 3))
            request.limit = Limit.listEntries
            let (all, whole) = try await Self.walked(cluster, request)
            #expect(all.entries.count == 12)
            let twelve = WalkCounts(walks: 1, rows: 3 * 12, seeks: 12)
            #expect(whole == Array(repeating: twelve, count: 3))
        }
    }

    @Test("Only the keys on which a replica is behind are read, and only until they are repaired")
    func behind() throws {
        try TestCluster.run { cluster in
            let keys = (0..<20).map(Self.key)
            try await Self.fill(cluster, keys)
            cluster.isolate(2)
            for number in [3, 11, 17] {
                try await cluster[0].put(object(Self.key(number)), content(30))
            }
            cluster.network.heal()
            // The majority that answers is the coordinator's own node and the one that is behind.
            cluster.isolate(1)
            let request = ListRequest(bucket: photos)
            cluster.clearLedgers()
            let page = try await cluster[0].list(request)
            await cluster.wait()
            let counts = cluster.nodes[0].ledger.counts
            #expect(counts["scan"] == 3)
            #expect(counts["read object"] == 3 * 3, "Three keys, asked of three replicas.")
            #expect(page.entries.count == keys.count)
            for case .object(let key, let summary) in page.entries {
                let isNew = ["0003", "0011", "0017"].contains(key.description)
                #expect(summary.size == (isNew ? 30 : 10))
            }
            cluster.clearLedgers()
            #expect(try await cluster[0].list(request).entries.count == keys.count)
            await cluster.wait()
            #expect(cluster.nodes[0].ledger.counts["read object"] == nil)
        }
    }

    @Test("A page fails if one partition lacks its majority, though most nodes have answered")
    func missingPartition() throws {
        try TestCluster.run(5) { cluster in
            try await Self.fill(cluster, (0..<20).map(Self.key))
            var request = ListRequest(bucket: photos, limit: 10)
            request.after = try await cluster[0].list(request).next
            cluster.isolate(3)
            #expect(try await cluster[0].list(request).entries.count == 10)
            cluster.isolate(4)
            let layout = try #require(cluster.nodes[0].storage.layouts.layout)
            let lost = Set([3, 4].map { cluster.nodes[$0].storage.id })
            let isMissing = PartitionID.all.contains { partition in
                layout.replicaSet(of: partition).count { lost.contains($0) } > 1
            }
            #expect(isMissing, "Some partition has two of its three replicas there.")
            // The last page, too: what a lost partition has may belong on it.
            for after in [nil, request.after, Array("9".utf8)] {
                request.after = after
                let failure = await code { _ = try await cluster[0].list(request) }
                #expect(failure == .quorumUnavailable)
            }
            cluster.network.heal()
            await cluster.wait()
            request.after = nil
            #expect(try await cluster[0].list(request).entries.count == 10)
        }
    }
}
