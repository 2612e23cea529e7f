import Coordinator
import NIOCore
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

/// One key that everybody changes.
struct ContentionTests {
    private static let workers = 4
    private static let changesEach = 100

    @Test(
        "Where nothing fails every change of a contended key is known to be made",
        arguments: UInt64(1)...4
    )
    func known(seed: UInt64) throws {
        try TestCluster.run(seed: seed) { cluster in
            let body = content(100_000)
            try await cluster[0].put(object("busy"), body)
            let unknown = try await withThrowingTaskGroup(of: Int.self) { group in
                for worker in 0..<Self.workers {
                    group.addTask {
                        var unknown = 0
                        for _ in 0..<Self.changesEach {
                            let failure = await code {
                                let request = CopyRequest(
                                    source: object("busy"),
                                    target: object("busy")
                                )
                                _ = try await cluster[worker].copy(request)
                            }
                            if failure != nil { unknown += 1 }
                        }
                        return unknown
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(unknown == 0)
            #expect(try await cluster[1].get(object("busy")) == body)
        }
    }

    @Test(
        "Where messages are slow, clients at all nodes change one key and know that they did",
        arguments: UInt64(1)...4
    )
    func slow(seed: UInt64) throws {
        try TestCluster.run(seed: seed) { cluster in
            let slowest = try await Self.slowest(of: 6, on: cluster) { client, round in
                let body = content(40_000, seed: UInt64(client * 100 + round))
                try await cluster[client].put(object("busy"), body)
            }
            #expect(slowest < 8_000_000_000, "\(slowest)")
        }
    }

    @Test(
        "Where messages are slow, a crowd of readers keeps nobody from writing nor from reading",
        arguments: UInt64(1)...4
    )
    func readers(seed: UInt64) throws {
        try TestCluster.run(seed: seed) { cluster in
            try await cluster[0].put(object("busy"), content(100))
            let slowest = try await Self.slowest(of: 60, on: cluster) { client, round in
                if client < 3 {
                    let body = content(100, seed: UInt64(client * 100 + round))
                    try await cluster[client].put(object("busy"), body)
                } else {
                    _ = try await cluster[client].get(object("busy"))
                }
            }
            #expect(slowest < 4_000_000_000, "\(slowest)")
        }
    }

    /// Makes messages slow, and has clients do something six times each, all at once.
    ///
    /// - Returns: nanoseconds of the slowest; in virtual time, which the seed decides.
    private static func slowest(
        of clients: Int,
        on cluster: TestCluster,
        _ work: @escaping @Sendable (_ client: Int, _ round: Int) async throws -> Void
    ) async throws -> UInt64 {
        var faults = LinkFaults.none
        faults.delayMicroseconds = 5_000...150_000
        cluster.network.setFaults(faults)
        return try await withThrowingTaskGroup(of: UInt64.self) { group in
            for client in 0..<clients {
                group.addTask {
                    var slowest: UInt64 = 0
                    for round in 0..<6 {
                        let start = cluster.simulator.nanoseconds
                        try await work(client, round)
                        slowest = max(slowest, cluster.simulator.nanoseconds - start)
                    }
                    return slowest
                }
            }
            return try await group.reduce(0, max)
        }
    }

    /// A body that is there when it is told to be.
    private actor LateBody: BodySource {
        let arrives = Eventual<Void>()
        private var content: ByteBuffer?

        init(_ content: ByteBuffer) { self.content = content }

        func next() async throws -> ByteBuffer? {
            await self.arrives.value
            defer { self.content = nil }
            return self.content
        }
    }

    @Test("A promise that nobody will use holds up no change, also while a node is away")
    func unusedPromise() throws {
        try TestCluster.run { cluster in
            let request = PutRequest(
                name: object("a"),
                metadata: ObjectMetadata(),
                announcedBytes: 100
            )
            cluster.nodes[2].machine.crash()
            cluster.network.crashed(cluster.nodes[2].storage.id)
            let late = LateBody(content(100))
            async let summary = cluster[0].put(request, body: late)
            await cluster.wait(.milliseconds(50))
            let broken = TestBody(content(100), breaksOff: true)
            let failure = await code { _ = try await cluster[1].put(request, body: broken) }
            #expect(failure != nil)
            let start = cluster.simulator.nanoseconds
            cluster.clearLedgers()
            late.arrives.fulfil(())
            _ = try await summary
            #expect(cluster.simulator.nanoseconds - start < 100_000_000)
            let reads = cluster.nodes[0].ledger.counts["read object", default: 0]
            // It did read, three replicas each time, and not for long.
            #expect((3...33).contains(reads))
        }
    }
}
