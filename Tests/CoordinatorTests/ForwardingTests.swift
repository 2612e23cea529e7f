import Content
import Coordinator
import NIOCore
import PeerProtocol
import Placement
import Register
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

/// Changes that another node is asked to make.
struct ForwardingTests {
    /// A cluster whose changes are forwarded after so many lost attempts.
    private static func run(
        after lost: Int,
        countsRoundTrips: Bool = false,
        _ body: @escaping @Sendable (TestCluster) async throws -> Void
    ) throws {
        try TestCluster.run(
            countsRoundTrips: countsRoundTrips,
            settings: { $0.forwardAfter = lost },
            body
        )
    }

    /// The number of the node that changes of a key are forwarded to.
    private static func affinity(_ cluster: TestCluster, _ name: ObjectName) async throws -> Int {
        let (key, _) = try await cluster.register(name)
        let layout = try #require(cluster.nodes[0].storage.layouts.layout)
        let first = layout.replicaSet(of: key.partition)[0]
        return try #require(cluster.nodes.firstIndex { $0.storage.id == first })
    }

    @Test("Forwarded puts, copies and deletes do what they would do at home")
    func kinds() throws {
        try Self.run(after: 0) { cluster in
            let home = try await Self.affinity(cluster, object("a"))
            let other = (home + 1) % 3
            try await cluster[other].put(object("a"), content(100))
            #expect(try await cluster[home].get(object("a")) == content(100))
            try await cluster[other].put(object("a"), content(100_000))
            #expect(try await cluster[home].get(object("a")) == content(100_000))
            #expect(
                await code { try await cluster[other].put(object("a"), content(1), .absent) }
                    == .preconditionFailed
            )
            try await cluster[other].delete(object("a"))
            #expect(await code { _ = try await cluster[home].get(object("a")) } == .objectNotFound)
            let counts = cluster.nodes[home].coordinator.writeCounts
            #expect(counts.received >= 3)
            #expect(cluster.nodes[other].ledger.counts["change"] ?? 0 >= 4)
            _ = await cluster.sweepAll()
            #expect(cluster.chunks == 0)
        }
    }

    @Test("Where nobody is in the way nothing is forwarded")
    func quiet() throws {
        try TestCluster.run { cluster in
            for number in 0..<10 {
                try await cluster[number].put(object("\(number % 2)"), content(100))
            }
            for node in cluster.nodes {
                #expect(node.ledger.counts["change"] == nil)
                #expect(node.coordinator.writeCounts.forwarded == 0)
            }
        }
    }

    @Test("A forwarded put costs one round trip more than at home, and the first one more still")
    func cost() throws {
        try Self.run(after: 0, countsRoundTrips: true) { cluster in
            let home = try await Self.affinity(cluster, object("a"))
            let node = cluster.nodes[(home + 1) % 3]
            var costs: [Int] = []
            for _ in 1...3 {
                costs.append(
                    try await cluster.roundTrips {
                        try await node.coordinator.put(object("a"), content(100))
                    }
                )
            }
            // A promise, the start; the change: two rounds there, then one.
            #expect(costs == [5, 3, 2])
            #expect(node.ledger.counts["change"] == 4)
        }
    }

    @Test("If the affinity node does not listen, the change is made at home")
    func away() throws {
        try Self.run(after: 0) { cluster in
            let home = try await Self.affinity(cluster, object("a"))
            cluster.nodes[home].machine.crash()
            cluster.network.crashed(cluster.nodes[home].storage.id)
            let other = (home + 1) % 3
            try await cluster[other].put(object("a"), content(100))
            #expect(try await cluster[other].get(object("a")) == content(100))
        }
    }

    @Test("A request is carried out once, however often it arrives, and by one start only")
    func once() throws {
        try TestCluster.run { cluster in
            let (key, generation) = try await cluster.register(object("a"))
            let sender = cluster.nodes[1].storage.id
            func request(_ number: UInt64, receiver: UInt32 = 1, late: Bool = false) throws
                -> ChangeRequest
            {
                var request = ChangeRequest(
                    sender: 1,
                    key: key,
                    generation: generation,
                    deadline: late ? 0 : .max,
                    kind: .delete,
                    change: [0, 0, 0, 0, 0, 0, 0, 0, 0, 42]
                )
                (request.receiver, request.number) = (receiver, number)
                return request
            }
            let receiver = cluster[0].receiver
            try await cluster[0].put(object("a"), content(10))
            // Another start, and a question: nothing happens.
            for start in [UInt32(0), 9] {
                #expect(
                    await receiver.answer(try request(1, receiver: start), from: sender)
                        == .refused(incarnation: 1)
                )
            }
            #expect(try await cluster[0].get(object("a")) == content(10))
            let first = await receiver.answer(try request(1), from: sender)
            #expect(first == .done([0, 1]))
            try await cluster[0].put(object("a"), content(20))
            #expect(await receiver.answer(try request(1), from: sender) == first)
            #expect(try await cluster[0].get(object("a")) == content(20))
            // Refused for good: the same number in time is refused, too.
            let late = await receiver.answer(try request(2, late: true), from: sender)
            #expect(late == .refused(incarnation: 1))
            #expect(await receiver.answer(try request(2), from: sender) == late)
            // Far below the window nobody knows.
            _ = await receiver.answer(try request(2_000, late: true), from: sender)
            #expect(await receiver.answer(try request(3), from: sender) == .begun)
            #expect(try await cluster[0].get(object("a")) == content(20))
        }
    }

    @Test("A put whose hold is too low for the ballot is made under one that the node has raised")
    func raisedHold() throws {
        try Self.run(after: 0) { cluster in
            let home = try await Self.affinity(cluster, object("a"))
            let other = (home + 1) % 3
            // Each drops content that is held for a second's worth of ballots above its own.
            for number in 1...5 {
                let body = content(100_000, seed: UInt64(number))
                try await cluster[other].put(object("a"), body)
                #expect(try await cluster[home].get(object("a")) == body)
            }
            // One question for the start, and each change once.
            #expect(cluster.nodes[other].ledger.counts["change"] == 6)
            #expect(cluster.nodes[home].coordinator.writeCounts.received == 5)
            _ = await cluster.sweepAll()
            #expect(try await cluster[other].get(object("a")) == content(100_000, seed: 5))
            try await cluster[other].delete(object("a"))
            _ = await cluster.sweepAll()
            #expect(cluster.chunks == 0)
        }
    }

    @Test("A put is not made for others under a hold that is gone")
    func lostHold() throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("a"), content(100_000, seed: 1))
            let (key, generation) = try await cluster.register(object("a"))
            let rows = await cluster.rows(of: key)
            guard case .row(_, let value)? = rows[0] else { throw TestFailure("no row") }
            let version = try #require(try ObjectRecord(value).versions.first)
            try await cluster[0].put(object("a"), content(100_000, seed: 2))
            _ = await cluster.sweepAll()
            // What the version names is gone by now; the ballot is above any that it was held for.
            var request = ChangeRequest(
                sender: 1,
                key: key,
                generation: generation,
                deadline: .max,
                kind: .put,
                change: PutChange(version, condition: .none).encoded
            )
            (request.receiver, request.number) = (1, 1)
            request.ceiling = Ballot(round: 1, node: 1, incarnation: 1, sequence: 1)
            let reply = await cluster[0].receiver.answer(request, from: cluster.nodes[1].storage.id)
            #expect(reply == .refused(incarnation: 1))
            #expect(try await cluster[1].get(object("a")) == content(100_000, seed: 2))
        }
    }

    @Test("Many clients at all nodes on one key: changes are forwarded, and everybody succeeds")
    func crowd() throws {
        try Self.run(after: 1) { cluster in
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<30 {
                    group.addTask {
                        for round in 0..<4 {
                            let body = content(100, seed: UInt64(number * 100 + round))
                            let end = await code {
                                try await cluster[number].put(object("a"), body)
                            }
                            #expect(end == nil)
                        }
                    }
                }
            }
            let counts = cluster.nodes.map(\.coordinator.writeCounts)
            #expect(counts.reduce(0) { $0 + $1.received } > 0)
            #expect(counts.reduce(0) { $0 + $1.combined } > 0)
        }
    }
}
