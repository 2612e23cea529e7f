import Coordinator
import NIOCore
import StoreModel
import Testing

/// Changes of one key that come at the same time through one node.
struct CombiningTests {
    /// Has `count` clients work at once; how many ended with each code, nil for success.
    private static func race(
        _ count: Int,
        _ work: @escaping @Sendable (Int) async throws -> Void
    ) async -> [ClusterError.Code?: Int] {
        await withTaskGroup(of: ClusterError.Code?.self) { group in
            for number in 0..<count {
                group.addTask { await code { try await work(number) } }
            }
            var codes: [ClusterError.Code?: Int] = [:]
            for await code in group { codes[code, default: 0] += 1 }
            return codes
        }
    }

    @Test("64 clients that create one key cost about one round: one wins, all others lose")
    func create() throws {
        try TestCluster.run(countsRoundTrips: true) { cluster in
            let node = cluster.nodes[0]
            let roundTrips = await cluster.roundTrips {
                let codes = await Self.race(64) { number in
                    try await node.coordinator.put(
                        object("a"),
                        content(100, seed: UInt64(number)),
                        .absent
                    )
                }
                #expect(codes == [nil: 1, .preconditionFailed: 63])
            }
            #expect(roundTrips == 3)
            let counts = node.ledger.counts
            #expect(counts["prepare object"] == 3 + 3, "The winner's, and one for all others.")
            #expect(counts["accept object"] == 3)
        }
    }

    @Test("64 clients that overwrite one key cost one round: each sees its own success")
    func overwrite() throws {
        try TestCluster.run(countsRoundTrips: true) { cluster in
            let node = cluster.nodes[0]
            let roundTrips = await cluster.roundTrips {
                let codes = await Self.race(64) { number in
                    try await node.coordinator.put(
                        object("a"),
                        content(100, seed: UInt64(number))
                    )
                }
                #expect(codes == [nil: 64])
            }
            #expect(roundTrips <= 4)
            #expect((node.ledger.counts["prepare object"] ?? 0) <= 6)
            #expect((node.ledger.counts["accept object"] ?? 0) <= 6)
            // All nodes agree on who was last.
            let first = try await cluster[1].get(object("a"))
            #expect(try await cluster[2].get(object("a")) == first)
        }
    }

    @Test("Puts and deletes at once end as some order of them would")
    func mixed() throws {
        for seed in UInt64(1)...20 {
            try TestCluster.run(seed: seed) { cluster in
                let nodes = seed.isMultiple(of: 2) ? 2 : 1
                let codes = await Self.race(12) { number in
                    let node = cluster[number % nodes]
                    if number % 3 == 0 {
                        try await node.delete(object("a"))
                    } else {
                        try await node.put(
                            object("a"),
                            content(number % 3 == 1 ? 100 : 20_000, seed: UInt64(number))
                        )
                    }
                }
                #expect(codes == [nil: 12])
                await cluster.wait(.seconds(1))
                let found = await (0..<3).asyncMap { index in
                    try? await cluster[index].get(object("a"))
                }
                #expect(found[0] == found[1] && found[1] == found[2])
                // Conflicts with another node may leave a hold to the audit.
                guard nodes == 1 else { return }
                _ = await cluster.sweepAll()
                // What was overwritten or never became current has left nothing behind.
                let bytes = found[0]?.readableBytes ?? 0
                #expect(cluster.chunks == (bytes == 20_000 ? 3 : 0), "seed \(seed)")
            }
        }
    }

    @Test("A client that goes away in the middle of a proposal takes nobody with it")
    func cancelled() throws {
        try TestCluster.run(countsRoundTrips: true) { cluster in
            let node = cluster[0]
            try await withThrowingTaskGroup(of: Void.self) { group in
                let first = Task { try await node.put(object("a"), content(100, seed: 1)) }
                for number in 2...5 {
                    group.addTask {
                        try await node.put(object("a"), content(100, seed: UInt64(number)))
                    }
                }
                await cluster.wait(.milliseconds(250))
                first.cancel()
                try await group.waitForAll()
            }
        }
    }
}

extension Sequence {
    fileprivate func asyncMap<Value>(_ body: (Element) async -> Value) async -> [Value] {
        var values: [Value] = []
        for element in self { values.append(await body(element)) }
        return values
    }
}
