import Coordinator
import PeerProtocol
import Register
import Runtime
import SimulatedRuntime
import StoreModel
import Testing

/// What was deleted leaves no row behind, and never comes back.
struct EraseTests {
    private static func settings(
        _ sabotage: Sabotage = [],
        age: Duration = .seconds(1)
    ) -> @Sendable (inout CoordinatorSettings) -> Void {
        { settings in
            settings.tombstoneAge = age
            settings.sabotage = sabotage
        }
    }

    private static func isAbsent(
        _ name: ObjectName,
        in cluster: TestCluster
    ) async -> [ClusterError.Code?] {
        var codes: [ClusterError.Code?] = []
        for index in cluster.nodes.indices {
            codes.append(await code { _ = try await cluster[index].open(name) })
        }
        return codes
    }

    /// Sweeps everywhere until everybody has had a turn.
    private static func sweepAll(_ cluster: TestCluster) async -> Int {
        var erased = 0
        for _ in 0..<4 {
            await cluster.wait(.seconds(60))
            for node in cluster.nodes { erased += await node.coordinator.sweep().erased }
        }
        return erased
    }

    @Test(
        "After a deletion no node has a row of the object or of its manifest; it can be put again",
        arguments: [1, 2, 3, 5]
    )
    func noRows(count: Int) throws {
        try TestCluster.run(count, settings: Self.settings()) { cluster in
            for number in 0..<6 {
                try await cluster[number].put(object("\(number)"), content(number * 10_000))
                try await cluster[number + 1].delete(object("\(number)"))
            }
            let erased = await Self.sweepAll(cluster)
            #expect(erased >= 6)
            for index in cluster.nodes.indices {
                let left = cluster.keys(at: index).filter {
                    switch $0 {
                    case .object, .part, .manifest: true
                    case .bucket, .layout, .accessKeys: false
                    }
                }
                #expect(left.isEmpty, "node \(index)")
            }
            let absent = await Self.isAbsent(object("3"), in: cluster)
            #expect(absent == Array(repeating: .objectNotFound, count: count))
            try await cluster[0].put(object("3"), content(20_000, seed: 7))
            for index in cluster.nodes.indices {
                let found = try await cluster[index].get(object("3"))
                #expect(found == content(20_000, seed: 7))
            }
        }
    }

    @Test("A tombstone younger than its age stays, and so does all that is live")
    func age() throws {
        try TestCluster.run(settings: Self.settings(age: .seconds(600))) { cluster in
            try await cluster[0].put(object("live"), content(10))
            try await cluster[0].put(object("dead"), content(10))
            try await cluster[0].delete(object("dead"))
            #expect(await Self.sweepAll(cluster) == 0)
            let (key, _) = try await cluster.register(object("dead"))
            #expect(cluster.keys(at: 0).contains(key))
            await cluster.wait(.seconds(600))
            #expect(await Self.sweepAll(cluster) == 1)
            #expect(!cluster.keys(at: 0).contains(key))
            #expect(try await cluster[1].get(object("live")) == content(10))
        }
    }

    @Test("A node that is away postpones the erasure; when it is back it never saw the object")
    func away() throws {
        try TestCluster.run(settings: Self.settings()) { cluster in
            try await cluster[0].put(object("a"), content(10))
            await cluster.wait()
            cluster.isolate(2)
            try await cluster[0].delete(object("a"))
            #expect(await Self.sweepAll(cluster) == 0)
            let (key, _) = try await cluster.register(object("a"))
            #expect(cluster.keys(at: 0).contains(key) && cluster.keys(at: 1).contains(key))
            cluster.network.heal()
            #expect(await Self.sweepAll(cluster) == 1)
            for index in 0..<3 { #expect(!cluster.keys(at: index).contains(key)) }
            let absent = await Self.isAbsent(object("a"), in: cluster)
            #expect(absent == [.objectNotFound, .objectNotFound, .objectNotFound])
        }
    }

    /// Puts and deletes an object, has it erased, and lets the put's accept arrive once more.
    private static func delayedAccept(
        _ sabotage: AcceptorSabotage
    ) throws -> [ClusterError.Code?] {
        let codes = Box<[ClusterError.Code?]>([])
        try TestCluster.run(sabotage: sabotage, settings: Self.settings()) {
            cluster in
            try await cluster[0].put(object("a"), content(10))
            await cluster.wait()
            let (key, generation) = try await cluster.register(object("a"))
            guard case .row(let ballot, let value?)? = await cluster.ask(0, .read, about: key)
            else {
                Issue.record("no row")
                return
            }
            try await cluster[0].delete(object("a"))
            let erased = await Self.sweepAll(cluster)
            #expect(erased == 1)
            for index in cluster.nodes.indices {
                let accept = RegisterRequest.accept(ballot, value, generation: generation)
                await cluster.ask(index, accept, about: key)
            }
            codes.value = await Self.isAbsent(object("a"), in: cluster)
        }
        return codes.value
    }

    @Test("An accept of the old put that arrives after the erasure revives nothing")
    func delayedAccept() throws {
        #expect(try Self.delayedAccept([]) == Array(repeating: .objectNotFound, count: 3))
        #expect(try Self.delayedAccept(.noFloor) == [nil, nil, nil], "Without a floor it does.")
    }

    /// Erases while one node has missed the deletion; then that node and another are left.
    private static func eraseByMajority(_ sabotage: Sabotage) throws -> Bool {
        let isBack = Box(false)
        try TestCluster.run(settings: Self.settings(sabotage)) { cluster in
            try await cluster[0].put(object("a"), content(10))
            await cluster.wait()
            cluster.isolate(2)
            try await cluster[0].delete(object("a"))
            _ = await Self.sweepAll(cluster)
            cluster.network.heal()
            cluster.isolate(1)
            await cluster.wait()
            isBack.value = await code { _ = try await cluster[0].open(object("a")) } == nil
        }
        return isBack.value
    }

    @Test("Erased when all have the tombstone, nothing comes back; erased by a majority, it does")
    func eraseMajority() throws {
        #expect(try !Self.eraseByMajority([]))
        #expect(try Self.eraseByMajority(.eraseMajority))
    }

    /// Reads twice, through different majorities, where one node has no row, one a tombstone that
    /// was never chosen, and the third what was chosen.
    private static func absentThenOld(_ sabotage: Sabotage) throws -> [ClusterError.Code?] {
        let codes = Box<[ClusterError.Code?]>([])
        try TestCluster.run(settings: Self.settings(sabotage, age: .seconds(600))) { cluster in
            try await cluster[0].put(object("other"), content(10))
            await cluster.wait()
            let (other, generation) = try await cluster.register(object("other"))
            let (key, _) = try await cluster.register(object("a"))
            guard case .row(_, let value?)? = await cluster.ask(0, .read, about: other) else {
                Issue.record("no row")
                return
            }
            let tombstone = RegisterValue(
                changeNumber: 2,
                lineage: [],
                body: nil,
                hasGarbage: false
            )
            let (old, new) = (cluster.ballot(), cluster.ballot(later: 1))
            for index in [1, 2] {
                let accept = RegisterRequest.accept(old, value, generation: generation)
                await cluster.ask(index, accept, about: key)
            }
            let accept = RegisterRequest.accept(new, tombstone, generation: generation)
            await cluster.ask(1, accept, about: key)
            for lost in [2, 1] {
                cluster.network.heal()
                cluster.isolate(lost)
                codes.value.append(await code { _ = try await cluster[0].open(object("a")) })
            }
        }
        return codes.value
    }

    @Test("No row and a tombstone are two answers: who adds them up sees the dead come back")
    func noneIsTomb() throws {
        #expect(try Self.absentThenOld([]) == [.objectNotFound, .objectNotFound])
        #expect(try Self.absentThenOld(.noneIsTomb) == [.objectNotFound, nil])
    }

    /// Erases a tombstone above which a promise is out, and lets a lower accept through.
    private static func forgottenPromise(
        _ sabotage: AcceptorSabotage
    ) throws -> RegisterReply? {
        let reply = Box<RegisterReply?>(nil)
        try TestCluster.run(sabotage: sabotage) { cluster in
            try await cluster[0].put(object("a"), content(10))
            try await cluster[0].delete(object("a"))
            await cluster.wait()
            let (key, generation) = try await cluster.register(object("a"))
            guard case .row(let tombstone, _)? = await cluster.ask(0, .read, about: key) else {
                Issue.record("no row")
                return
            }
            let (low, high) = (
                cluster.ballot(later: 5_000_000), cluster.ballot(later: 6_000_000)
            )
            #expect(low > tombstone)
            await cluster.ask(0, .prepare(high), about: key)
            await cluster.ask(0, .erase(tombstone), about: key)
            let value = RegisterValue(
                changeNumber: 1,
                lineage: [],
                body: nil,
                hasGarbage: false
            )
            reply.value = await cluster.ask(
                0,
                .accept(low, value, generation: generation),
                about: key
            )
        }
        return reply.value
    }

    @Test("A promise above the tombstone outlives the attempt to erase it")
    func eraseIgnoresPromise() throws {
        guard case .conflict? = try Self.forgottenPromise([]) else {
            Issue.record("the promise was forgotten")
            return
        }
        #expect(try Self.forgottenPromise(.eraseIgnoresPromise) == .accepted)
    }

    @Test("Erasing while others write: what is written last is there", arguments: UInt64(0)..<20)
    func races(seed: UInt64) throws {
        try TestCluster.run(seed: seed, settings: Self.settings()) { cluster in
            for round in 0..<4 {
                try await cluster[round].put(object("a"), content(10))
                try await cluster[round].delete(object("a"))
                await cluster.wait(.seconds(3))
                let written = Box(0)
                await withTaskGroup(of: Void.self) { group in
                    for node in cluster.nodes {
                        group.addTask { _ = await node.coordinator.sweep() }
                    }
                    group.addTask {
                        let body = content(20 + round)
                        guard (try? await cluster[round].put(object("a"), body)) != nil else {
                            return
                        }
                        written.value = 20 + round
                    }
                }
                guard written.value > 0 else { continue }
                for index in 0..<3 {
                    let found = try await cluster[index].get(object("a"))
                    #expect(found == content(written.value))
                }
            }
        }
    }
}

/// A value that a test takes out of a run.
final class Box<Value: Sendable>: @unchecked Sendable {
    // Unchecked: all access happens on the one thread of the simulation.
    var value: Value
    init(_ value: Value) { self.value = value }
}
