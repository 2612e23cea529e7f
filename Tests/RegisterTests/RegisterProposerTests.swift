import StoreModel
import Testing

@testable import Register

/// Whole calls over three replicas, with their round trips counted.
struct RegisterProposerTests {
    private static func append(
        _ item: UInt64,
        onlyToEven: Bool = false,
        generation: UInt64 = 0
    ) -> @Sendable (RegisterProposer<Proposer>) async throws -> Changed<Append.Outcome> {
        { proposer in
            try await proposer.change(
                testKey,
                operation: OperationID(item),
                generation: generation,
                Append(item: item, onlyToEven: onlyToEven)
            )
        }
    }

    private static let read: @Sendable (RegisterProposer<Proposer>) async throws -> RegisterState =
        { try await $0.read(testKey, generation: 0) }

    @Test("A change takes two rounds: prepare and accept, six messages")
    func change() throws {
        let world = World(seed: 1)
        let changed = try Proposer(world).perform(Self.append(7))
        #expect(changed.outcome == .appended([7]))
        #expect(world.rounds == 2)
        #expect(world.singles == 0)
        #expect(world.messages == 6)
        #expect(world.pauses == [])
    }

    @Test("A change from a prepared ballot takes one round")
    func preparedChange() throws {
        let world = World(seed: 1)
        let proposer = Proposer(world)
        let prepared = try proposer.perform { try await $0.prepare(testKey) }
        #expect(world.rounds == 1)
        let changed = try proposer.perform {
            try await $0.change(
                testKey,
                operation: OperationID(7),
                generation: 0,
                from: prepared,
                Append(item: 7)
            )
        }
        #expect(changed.state.ballot == prepared.ballot)
        #expect(world.rounds == 2)
        #expect(world.messages == 6)
    }

    @Test("A prepared ballot that was overtaken costs two rounds more")
    func overtaken() throws {
        let world = World(seed: 1)
        let proposer = Proposer(world, node: 1)
        let prepared = try proposer.perform { try await $0.prepare(testKey) }
        _ = try Proposer(world, node: 2).perform(Self.append(1))
        let before = world.rounds
        let changed = try proposer.perform {
            try await $0.change(
                testKey,
                operation: OperationID(7),
                generation: 0,
                from: prepared,
                Append(item: 7)
            )
        }
        #expect(changed.outcome == .appended([1, 7]))
        // The refused accept, then at most one prepare below what has been seen, then both rounds.
        #expect((3...4).contains(world.rounds - before))
        let pause = try #require(world.pauses.first)
        #expect(pause >= .milliseconds(2) && pause < .milliseconds(6))
    }

    /// Two appends of one proposer with nobody in between: the second has a promise for a third.
    private static func streak(_ proposer: Proposer) throws -> Changed<Append.Outcome> {
        let first = try proposer.perform(Self.append(1))
        #expect(first.next == nil, "One change is no streak.")
        return try proposer.perform {
            try await $0.change(
                testKey,
                operation: OperationID(1 << 32),
                generation: 0,
                streak: first.name,
                Append(item: 2)
            )
        }
    }

    private static func append(
        _ item: UInt64,
        from promise: Prepared?,
        onlyToEven: Bool = false
    ) -> @Sendable (RegisterProposer<Proposer>) async throws -> Changed<Append.Outcome> {
        {
            try await $0.change(
                testKey,
                operation: OperationID(item << 32),
                generation: 0,
                from: promise,
                Append(item: item, onlyToEven: onlyToEven)
            )
        }
    }

    @Test("The change after a streak takes one round: its ballot was promised with the last one")
    func keptPromise() throws {
        let world = World(seed: 1)
        let proposer = Proposer(world)
        let second = try Self.streak(proposer)
        let rounds = world.rounds
        let third = try proposer.perform(Self.append(3, from: second.next))
        #expect(third.outcome == .appended([1, 2, 3]))
        #expect(world.rounds == rounds + 1)
    }

    @Test("No promise is kept where somebody else has made the last change")
    func brokenStreak() throws {
        let world = World(seed: 1)
        let proposer = Proposer(world, node: 1)
        let first = try proposer.perform(Self.append(1))
        _ = try Proposer(world, node: 2, round: 90).perform(Self.append(2))
        let third = try proposer.perform {
            try await $0.change(
                testKey,
                operation: OperationID(3),
                generation: 0,
                streak: first.name,
                Append(item: 3)
            )
        }
        #expect(third.outcome == .appended([1, 2, 3]))
        #expect(third.next == nil)
    }

    @Test("A kept promise that was outbid costs its round, and the change goes the long way")
    func outbidPromise() throws {
        let world = World(seed: 1)
        let proposer = Proposer(world, node: 1)
        let second = try Self.streak(proposer)
        _ = try Proposer(world, node: 2, round: 90).perform(Self.append(8))
        let rounds = world.rounds
        let third = try proposer.perform(Self.append(3, from: second.next))
        #expect(third.outcome == .appended([1, 2, 8, 3]))
        #expect(world.rounds == rounds + 3)
    }

    @Test("A kept promise older than the lineage fails nothing: all replicas have refused it")
    func staleKeptPromise() throws {
        let world = World(seed: 1)
        let proposer = Proposer(world, node: 1)
        let second = try Self.streak(proposer)
        let other = Proposer(world, node: 2, round: 90)
        for item in UInt64(10)..<40 { _ = try other.perform(Self.append(item)) }
        let third = try proposer.perform(Self.append(3, from: second.next))
        #expect(third.outcome == .appended([1, 2] + Array(10..<40) + [3]))
    }

    @Test("An answer without a write does not rest on a kept promise: it is committed first")
    func negativeOnKeptPromise() throws {
        let world = World(seed: 1)
        let proposer = Proposer(world, node: 1)
        let second = try Self.streak(proposer)
        let promise = try #require(second.next)
        #expect(promise.isChosen && !promise.isFresh)
        let third = try proposer.perform(Self.append(3, from: promise))
        #expect(third.outcome == .appended([1, 2, 3]))
        _ = try Proposer(world, node: 2, round: 90).perform(Self.append(4))
        // The promise says three items, an odd number; by now there are four.
        let late = try proposer.perform(
            Self.append(
                5,
                from: Prepared(
                    ballot: proposer.ballot(above: third.state.ballot, for: testKey),
                    accepted: third.state.ballot,
                    value: third.state.value,
                    isChosen: true,
                    isFresh: false,
                    group: .of(3)
                ),
                onlyToEven: true
            )
        )
        #expect(late.outcome == .appended([1, 2, 3, 4, 5]))
    }

    @Test("A change that is not needed takes one round and writes nothing")
    func unneeded() throws {
        let world = World(seed: 1)
        world.put(accept(ballot(5), value([1])), about: testKey, at: 0, 1, 2)
        let changed = try Proposer(world).perform(Self.append(7, onlyToEven: true))
        #expect(changed.outcome == .left([1]))
        #expect(world.rounds == 1)
        #expect(world.rows.allSatisfy { $0[testKey]?.accepted == ballot(5) })
    }

    @Test("A negative answer from what only one replica has shown is committed first")
    func unsettledNegative() throws {
        let world = World(seed: 1)
        world.put(accept(ballot(5), value([1])), about: testKey, at: 0)
        world.isUp[2] = false
        let changed = try Proposer(world).perform(Self.append(7, onlyToEven: true))
        #expect(changed.outcome == .left([1]))
        #expect(world.rounds == 2)
        #expect(world.rows[1][testKey]?.value == value([1]))
    }

    @Test("A read takes one round, three messages, and writes nothing")
    func read() throws {
        let world = World(seed: 1)
        world.put(accept(ballot(5), value([1])), about: testKey, at: 0, 1, 2)
        let before = world.rows
        let state = try Proposer(world).perform(Self.read)
        #expect(state == RegisterState(ballot: ballot(5), value: value([1])))
        #expect(world.rounds == 1)
        #expect(world.messages == 3)
        #expect(world.rows == before)
    }

    @Test("Reading what is not there takes one round and leaves no row")
    func readOfNothing() throws {
        let world = World(seed: 1)
        let state = try Proposer(world).perform(Self.read)
        #expect(state == RegisterState(ballot: .zero, value: nil))
        #expect(world.rounds == 1)
        #expect(world.rows.allSatisfy { $0.isEmpty })
    }

    @Test("A read that finds a majority behind brings it the newest value: two rounds")
    func readRepair() throws {
        let world = World(seed: 1)
        world.put(accept(ballot(5), value([1])), about: testKey, at: 0, 1, 2)
        world.put(accept(ballot(6), value([1, 2])), about: testKey, at: 0)
        world.isUp[2] = false
        let state = try Proposer(world).perform(Self.read)
        #expect(state.ballot == ballot(6))
        #expect(world.rounds == 1)
        #expect(world.singles == 1)
        #expect(world.rows[1][testKey]?.accepted == ballot(6))
    }

    @Test("A tombstone that one replica has and another never saw is completed before it is told")
    func halfTombstone() throws {
        let world = World(seed: 1)
        let tombstone = RegisterValue(
            changeNumber: 2,
            lineage: [OperationID(1), OperationID(2)],
            body: nil,
            hasGarbage: false
        )
        world.put(accept(ballot(6), tombstone), about: testKey, at: 0)
        world.isUp[2] = false
        let state = try Proposer(world).perform(Self.read)
        #expect(state == RegisterState(ballot: ballot(6), value: tombstone))
        #expect(world.rows[1][testKey]?.accepted == ballot(6))
    }

    @Test("A read whose repair is refused commits what it found at a new ballot")
    func refusedRepair() throws {
        let world = World(seed: 1)
        world.put(accept(ballot(5), value([1])), about: testKey, at: 0, 1, 2)
        world.put(accept(ballot(6), value([1, 2])), about: testKey, at: 0)
        world.put(.prepare(ballot(8)), about: testKey, at: 1)
        world.isUp[2] = false
        let state = try Proposer(world).perform(Self.read)
        #expect(state.value == value([1, 2]))
        #expect(state.ballot > ballot(8))
        #expect(world.rows[1][testKey]?.accepted == state.ballot)
    }

    @Test("An identity takes two rounds and changes nothing but the ballot")
    func identity() throws {
        let world = World(seed: 1)
        world.put(accept(ballot(5), value([1])), about: testKey, at: 0, 1, 2)
        let state = try Proposer(world).perform {
            try await $0.identity(testKey, generation: 0, above: ballot(20))
        }
        #expect(state.value == value([1]))
        #expect(state.ballot > ballot(20))
        #expect(world.rounds == 2)
    }

    @Test("One replica down changes nothing; two down fail the call, and nothing was written")
    func replicasDown() throws {
        let world = World(seed: 1)
        world.isUp[0] = false
        #expect(try Proposer(world).perform(Self.append(7)).outcome == .appended([7]))
        #expect(world.rounds == 2)
        world.isUp[1] = false
        let error = RegisterError.unavailable(needed: 2, answered: 1, mayHaveHappened: false)
        #expect(throws: error) { try Proposer(world, node: 2).perform(Self.append(8)) }
        #expect(throws: error) { try Proposer(world, node: 3).perform(Self.read) }
        #expect(world.rows[2][testKey]?.value?.body == Append.body([7]))
    }

    @Test("A damaged row is silent: with one replica down there is no majority")
    func damagedRow() throws {
        let world = World(seed: 1)
        world.isDamaged[0] = true
        #expect(try Proposer(world).perform(Self.append(7)).outcome == .appended([7]))
        world.isUp[1] = false
        #expect(throws: RegisterError.self) { try Proposer(world, node: 2).perform(Self.read) }
    }

    @Test("Behind the fence a change of the old generation fails for certain")
    func fence() throws {
        let world = World(seed: 1)
        world.rules.leastGeneration = 4
        #expect(throws: RegisterError.fenced(generation: 4)) {
            try Proposer(world).perform(Self.append(7, generation: 3))
        }
        #expect(world.rows.allSatisfy { $0[testKey]?.value?.body == nil })
        let changed = try Proposer(world, node: 2).perform(Self.append(8, generation: 4))
        #expect(changed.outcome == .appended([8]))
    }

    @Test("What only a minority holds is not completed behind the fence by an old generation")
    func fencedRepair() throws {
        let world = World(seed: 1)
        world.put(accept(ballot(5), value([1])), about: testKey, at: 0)
        world.isUp[2] = false
        world.rules.leastGeneration = 4
        #expect(throws: RegisterError.fenced(generation: 4)) {
            try Proposer(world).perform(Self.read)
        }
        // Whoever deletes the bucket settles it, one way or the other.
        let state = try Proposer(world, node: 2).perform {
            try await $0.read(testKey, generation: 4)
        }
        #expect(state.value == value([1]))
    }

    @Test("A change waits for a ballot that its change asks for")
    func retryAbove() throws {
        struct Above: RegisterChange {
            let ceiling: Ballot

            func apply(
                to value: RegisterValue?,
                ballot: Ballot
            ) throws(RecordError) -> ChangeDecision<Ballot> {
                ballot > self.ceiling
                    ? .write(body: [], hasGarbage: false, ballot) : .retry(above: self.ceiling)
            }
        }
        let world = World(seed: 1)
        let changed = try Proposer(world).perform {
            try await $0.change(
                testKey,
                operation: OperationID(1),
                generation: 0,
                Above(ceiling: ballot(1_000))
            )
        }
        #expect(changed.outcome > ballot(1_000))
        #expect(world.rounds == 3)
    }

    @Test("Work before an accept sees its ballot and base; its error fails the change, unwritten")
    func workBeforeAccept() throws {
        struct Refusal: Error {}
        let world = World(seed: 1)
        world.put(accept(ballot(5), value([1])), about: testKey, at: 0, 1, 2)
        let proposer = Proposer(world)
        #expect(throws: Refusal.self) {
            try proposer.perform {
                try await $0.change(
                    testKey,
                    operation: OperationID(7),
                    generation: 0,
                    beforeAccept: { ballot, base in
                        #expect(ballot.round > 5)
                        #expect(base == value([1]))
                        throw Refusal()
                    },
                    Append(item: 7)
                )
            }
        }
        #expect(world.rounds == 1, "Nothing has left: nothing is to be settled.")
        #expect(world.rows.allSatisfy { $0[testKey]?.accepted == ballot(5) })
    }

    @Test("When work before a second accept fails, the first is settled before the error is told")
    func workBeforeSecondAccept() throws {
        struct Refusal: Error {}
        final class Counter: @unchecked Sendable {
            // Unchecked: used on the executor's one thread.
            var calls = 0
        }
        let world = World(seed: 1)
        let (proposer, counter) = (Proposer(world), Counter())
        #expect(throws: Refusal.self) {
            try proposer.perform {
                try await $0.change(
                    testKey,
                    operation: OperationID(7),
                    generation: 0,
                    beforeAccept: { _, _ in
                        counter.calls += 1
                        if counter.calls == 2 { throw Refusal() }
                        // Somebody overtakes: two refuse the first accept, the third is not heard.
                        world.put(.prepare(ballot(1_000)), about: testKey, at: 0, 1)
                        world.isUp[2] = false
                    },
                    Append(item: 7)
                )
            }
        }
        let state = try Proposer(world, node: 2).perform(Self.read)
        #expect(state.ballot != .zero, "The emptiness was committed above the lost accept.")
        #expect(state.body == nil)
    }

    @Test("An accept that was lost on the way back is found again: applied once")
    func lostAcknowledgement() throws {
        let world = World(seed: 1)
        let proposer = Proposer(world)
        let changed = try proposer.perform {
            try await $0.change(
                testKey,
                operation: OperationID(7),
                generation: 0,
                beforeAccept: { ballot, _ in
                    guard ballot.round < 500 else { return }
                    // The accept arrives at one replica; then somebody else prepares and goes on.
                    let sent = RegisterValue.first(
                        body: Append.body([7]),
                        operation: OperationID(7)
                    )
                    world.put(accept(ballot, sent), about: testKey, at: 0)
                    world.put(.prepare(testBallot(1_000)), about: testKey, at: 0, 1, 2)
                    let next = RegisterValue.following(
                        sent,
                        operation: OperationID(8),
                        body: Append.body([7, 8]),
                        hasGarbage: false
                    )
                    world.put(accept(testBallot(1_000), next), about: testKey, at: 0, 1, 2)
                },
                Append(item: 7)
            )
        }
        #expect(changed.outcome == .appended([7]))
        let state = try Proposer(world, node: 2).perform(Self.read)
        #expect(state.body == Append.body([7, 8]))
    }

    @Test("Contention ends at the deadline with a certain answer")
    func contention() throws {
        let world = World(seed: 1)
        for replica in 0..<3 {
            world.put(
                .prepare(
                    Ballot(round: 1 << 60, node: 1, incarnation: 1, sequence: 1)
                ),
                about: testKey,
                at: replica
            )
        }
        // A proposer that never gets above what others promise.
        final class Slow: RegisterReplicas, @unchecked Sendable {
            // Unchecked: used on the executor's one thread.
            let inner: Proposer
            var drawn: UInt64 = 0

            init(_ inner: Proposer) { self.inner = inner }

            func group(of key: RegisterKey) -> ReplicaGroup { .of(3) }

            func ask(
                _ request: RegisterRequest,
                about key: RegisterKey,
                of group: ReplicaGroup,
                _ terms: RoundTerms,
                enough: ([(replica: Int, reply: RegisterReply)]) -> Bool
            ) async -> [(replica: Int, reply: RegisterReply)] {
                self.drawn += 1
                await self.inner.sleep(.milliseconds(1))
                return (0..<3).map { (replica: $0, reply: .conflict(newest: .zero)) }
            }

            func ask(
                _ request: RegisterRequest,
                about key: RegisterKey,
                of group: ReplicaGroup,
                replica: Int
            ) async -> RegisterReply? { nil }

            func ballot(above other: Ballot, for key: RegisterKey) -> Ballot {
                self.inner.ballot(above: other, for: key)
            }

            func pause(upTo longest: Duration) async { await self.inner.pause(upTo: longest) }

            var nanoseconds: UInt64 { self.inner.nanoseconds }
        }
        let slow = Slow(Proposer(world))
        #expect(throws: RegisterError.contended) {
            try slow.inner.perform { _ in
                try await RegisterProposer(replicas: slow).change(
                    testKey,
                    operation: OperationID(7),
                    generation: 0,
                    deadline: .seconds(1),
                    Append(item: 7)
                )
            }
        }
        #expect(slow.drawn > 20)
        #expect(world.executor.nanoseconds < 1_200_000_000)
        #expect(world.pauses.max() == .milliseconds(50))
    }
}

/// ``ballot(_:_:)`` where a parameter hides it.
private func testBallot(_ round: UInt64) -> Ballot { ballot(round) }
