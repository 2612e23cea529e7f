import Coordinator
import NIOCore
import Placement
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

/// One node of three cannot be reached.
struct AvailabilityTests {
    /// Cuts a node off, in both directions.
    private static func isolate(_ index: Int, in cluster: TestCluster) {
        for other in cluster.nodes.indices where other != index {
            let (lost, rest) = (cluster.nodes[index].machine, cluster.nodes[other].machine)
            cluster.network.cut(from: lost, to: rest)
            cluster.network.cut(from: rest, to: lost)
        }
    }

    @Test("With one node cut off, everything goes on through the others", arguments: 0..<3)
    func oneDown(lost: Int) throws {
        try TestCluster.run { cluster in
            let large = content(Limit.chunkBytes + 5)
            try await cluster[0].put(object("before"), large)
            Self.isolate(lost, in: cluster)
            let (first, second) = (cluster[lost + 1], cluster[lost + 2])
            #expect(try await first.get(object("before")) == large)
            try await first.put(object("small"), content(10))
            try await first.put(object("large"), large)
            #expect(try await second.get(object("large")) == large)
            _ = try await second.copy(CopyRequest(source: object("large"), target: object("c")))
            _ = try await second.copy(
                CopyRequest(source: object("large"), target: object("i"), mode: .independent)
            )
            #expect(try await first.get(object("i")) == large)
            try await second.delete(object("before"))
            let listed = try await first.list(ListRequest(bucket: photos)).entries.count
            #expect(listed == 4)
            try await second.createBucket(bucket("another"))
            try await first.deleteBucket(bucket("another"))
        }
    }

    @Test("The node that was cut off can do nothing, and says so; afterwards it has missed nothing")
    func minority() throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("a"), content(10))
            Self.isolate(0, in: cluster)
            try await cluster[1].put(object("a"), content(20))
            for attempt in 0..<3 {
                let code = await code {
                    switch attempt {
                    case 0: _ = try await cluster[0].open(object("a"))
                    case 1: try await cluster[0].put(object("a"), content(30))
                    default: _ = try await cluster[0].list(ListRequest(bucket: photos))
                    }
                }
                #expect(code == .quorumUnavailable, "attempt \(attempt)")
            }
            cluster.network.heal()
            #expect(try await cluster[0].get(object("a")) == content(20))
        }
    }

    @Test("Work that was done while a node was away is not looked at again and again by it")
    func catchingUp() throws {
        try TestCluster.run { cluster in
            for number in 0..<5 {
                try await cluster[0].put(object("\(number)"), content(20_000))
                try await cluster[0].delete(object("\(number)"))
            }
            await cluster.wait()
            Self.isolate(2, in: cluster)
            for _ in 0..<3 {
                await cluster.wait(.seconds(120))
                for node in 0..<2 { _ = await cluster[node].sweep() }
            }
            cluster.network.heal()
            await cluster.wait(.seconds(120))
            // The first sweeps finish what needed all nodes, and bring the own rows up to date.
            var rows: [Int] = []
            for _ in 0..<4 {
                for node in cluster.nodes {
                    rows.append(await node.coordinator.sweep().rows)
                }
                await cluster.wait(.seconds(120))
            }
            #expect(rows.prefix(3).contains { $0 > 0 })
            #expect(rows.suffix(3) == [0, 0, 0])
            #expect(cluster.chunks == 0)
        }
    }

    @Test("Nodes that start at the same time agree on one first layout", arguments: UInt64(0)..<10)
    func formation(seed: UInt64) throws {
        try TestCluster.run(4, seed: seed) { cluster in
            let layouts = Set(cluster.nodes.map { $0.storage.layouts.layout?.record })
            #expect(layouts.count == 1)
            #expect(layouts.first??.epoch == 1)
            try await cluster[3].put(object("a"), content(10))
        }
    }
}
