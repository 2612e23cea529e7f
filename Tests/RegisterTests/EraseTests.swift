import StoreModel
import Testing

@testable import Register

/// A tombstone that is forgotten stays absent, whatever is late.
struct EraseTests {
    /// A row with this accepted, and perhaps more promised.
    private static func row(
        _ round: UInt64,
        _ value: RegisterValue,
        promised: UInt64? = nil
    ) -> AcceptorRow {
        var row = AcceptorRow()
        let rules = AcceptorRules()
        #expect(row.accept(ballot(round), value, generation: 0, rules: rules) == .accepted)
        if let promised { _ = row.prepare(ballot(promised), floor: .zero) }
        return row
    }

    private static let tombstone = RegisterValue(
        changeNumber: 2,
        lineage: [OperationID(2)],
        body: nil,
        hasGarbage: false
    )

    // MARK: - The replica

    @Test("A tombstone that was accepted and not outbid is erased, and leaves its ballot as floor")
    func erases() {
        var row = Self.row(5, Self.tombstone)
        var floor = ballot(3)
        #expect(row.erase(ballot(5), floor: &floor) == .erased)
        #expect(row == AcceptorRow())
        #expect(floor == ballot(5))
        #expect(row.erase(ballot(5), floor: &floor) == .erased, "Repeating it is harmless.")
        #expect(floor == ballot(5))
    }

    @Test("A floor is never lowered")
    func floorGrows() {
        var row = Self.row(5, Self.tombstone)
        var floor = ballot(9)
        #expect(row.erase(ballot(5), floor: &floor) == .erased)
        #expect(floor == ballot(9))
    }

    @Test("Nothing is erased but the very tombstone that everybody has")
    func refusals() {
        let cases: [(AcceptorRow, UInt64, newest: UInt64)] = [
            (Self.row(5, value([1])), 5, 5),
            (Self.row(5, Self.tombstone), 4, 5),
            (Self.row(5, Self.tombstone), 6, 5),
            (Self.row(5, Self.tombstone, promised: 6), 5, 6),
            (AcceptorRow(), 5, 3),
        ]
        for (before, round, newest) in cases {
            var (row, floor) = (before, ballot(3))
            #expect(
                row.erase(ballot(round), floor: &floor) == .conflict(newest: ballot(newest)),
                "\(before) at \(round)"
            )
            #expect(row == before)
            #expect(floor == ballot(3))
        }
    }

    @Test("After the erasure an accept or a prepare at the floor or below is refused")
    func floorStandsIn() {
        var row = Self.row(5, Self.tombstone)
        var floor = Ballot.zero
        _ = row.erase(ballot(5), floor: &floor)
        let rules = AcceptorRules(floor: floor)
        for round in UInt64(1)...5 {
            #expect(
                row.accept(ballot(round), value([1]), generation: 0, rules: rules)
                    == .conflict(newest: ballot(5))
            )
            #expect(row.prepare(ballot(round), floor: floor) == .conflict(newest: ballot(5)))
        }
        #expect(row.accept(ballot(6), value([1]), generation: 0, rules: rules) == .accepted)
    }

    @Test("Each broken rule of erasing shows in the row")
    func sabotage() {
        var (row, floor) = (Self.row(5, Self.tombstone, promised: 6), ballot(3))
        #expect(
            row.erase(ballot(5), floor: &floor, sabotage: .eraseIgnoresPromise) == .erased
        )
        (row, floor) = (Self.row(5, Self.tombstone), ballot(3))
        #expect(row.erase(ballot(5), floor: &floor, sabotage: .noFloor) == .erased)
        #expect(floor == ballot(3))
    }

    @Test("A damaged row is replaced only at or above the ceiling of all promises")
    func repaired() throws {
        #expect(AcceptorRow.repaired(at: ballot(99), value([1]), ceiling: 100) == nil)
        #expect(AcceptorRow.repaired(at: .zero, value([1]), ceiling: 0) == nil)
        var row = try #require(AcceptorRow.repaired(at: ballot(100), value([1]), ceiling: 100))
        #expect(row.read() == .row(accepted: ballot(100), value: value([1])))
        #expect(row.prepare(ballot(100), floor: .zero) == .conflict(newest: ballot(100)))
    }

    // MARK: - The proposer

    /// Three replicas; all have a value at ballot 5 and then a tombstone at 6.
    private static func deleted(_ world: World) {
        world.put(accept(ballot(5), value([1])), about: testKey, at: 0, 1, 2)
        world.put(accept(ballot(6), Self.tombstone), about: testKey, at: 0, 1, 2)
    }

    private static func erase(
        _ world: World,
        needsAll: Bool = true
    ) throws -> EraseOutcome {
        try Proposer(world).perform {
            try await $0.erase(testKey, generation: 0, needsAll: needsAll)
        }
    }

    private static func read(_ world: World) throws -> RegisterState {
        try Proposer(world, node: 2).perform { try await $0.read(testKey, generation: 0) }
    }

    @Test("A tombstone that all replicas take is erased: four rounds, and no row is left")
    func everywhere() throws {
        let world = World(seed: 1)
        Self.deleted(world)
        #expect(try Self.erase(world) == .erased(replicas: 3))
        #expect(world.rounds == 4)
        #expect(world.rows.allSatisfy { $0.isEmpty })
        #expect(world.floors.allSatisfy { $0 > ballot(6) })
        #expect(try Self.read(world) == RegisterState(ballot: .zero, value: nil))
        #expect(try Self.erase(world) == .notNeeded)
    }

    @Test("A register that holds something is left alone, with no more than a look")
    func live() throws {
        let world = World(seed: 1)
        world.put(accept(ballot(5), value([1])), about: testKey, at: 0, 1, 2)
        let before = world.rows
        #expect(try Self.erase(world) == .notNeeded)
        #expect(world.rounds == 1)
        #expect(world.rows == before)
    }

    @Test("A replica that is away postpones the erasure, and nothing is written meanwhile")
    func away() throws {
        let world = World(seed: 1)
        Self.deleted(world)
        let before = world.rows
        world.isUp[2] = false
        #expect(try Self.erase(world) == .postponed)
        #expect(world.rows == before)
        world.isUp[2] = true
        #expect(try Self.erase(world) == .erased(replicas: 3))
    }

    @Test("A replica that missed the deletion is given the tombstone before anybody forgets it")
    func missedDeletion() throws {
        let world = World(seed: 1)
        world.put(accept(ballot(5), value([1])), about: testKey, at: 0, 1, 2)
        world.put(accept(ballot(6), Self.tombstone), about: testKey, at: 0, 1)
        #expect(try Self.erase(world) == .erased(replicas: 3))
        #expect(world.rows.allSatisfy { $0.isEmpty })
        #expect(try Self.read(world).body == nil)
    }

    @Test("Erased by a majority only, the value that the third still has comes back")
    func eraseMajority() throws {
        let world = World(seed: 1)
        world.put(accept(ballot(5), value([1])), about: testKey, at: 0, 1, 2)
        world.put(accept(ballot(6), Self.tombstone), about: testKey, at: 0, 1)
        world.isUp[2] = false
        #expect(try Self.erase(world, needsAll: false) == .erased(replicas: 2))
        world.isUp = [true, false, true]
        #expect(try Self.read(world).body != nil, "This is what the rule prevents.")
    }

    @Test("An old accept that arrives after the erasure revives nothing; without a floor it does")
    func delayedAccept() throws {
        for sabotage in [[], .noFloor] as [AcceptorSabotage] {
            let world = World(seed: 1)
            world.acceptorSabotage = sabotage
            Self.deleted(world)
            #expect(try Self.erase(world) == .erased(replicas: 3))
            world.put(accept(ballot(5), value([1])), about: testKey, at: 0, 1)
            let body = try Self.read(world).body
            #expect((body == nil) == sabotage.isEmpty)
        }
    }

    @Test("A promise above the tombstone postpones the erasure of that row, and is kept")
    func promisedMeanwhile() throws {
        var row = Self.row(5, Self.tombstone, promised: 8)
        var floor = Ballot.zero
        #expect(row.erase(ballot(5), floor: &floor) == .conflict(newest: ballot(8)))
        let rules = AcceptorRules(floor: floor)
        #expect(
            row.accept(ballot(7), value([1]), generation: 0, rules: rules)
                == .conflict(newest: ballot(8))
        )
    }

    @Test("Half an erasure: who meets no row beside a tombstone makes sure of the tombstone")
    func half() throws {
        for erased in [[0], [0, 1]] {
            let world = World(seed: 1)
            Self.deleted(world)
            for replica in erased {
                #expect(world.put(.erase(ballot(6)), about: testKey, at: replica) == [.erased])
            }
            #expect(try Self.read(world).body == nil)
            // Then the old accept arrives everywhere.
            world.put(accept(ballot(5), value([1])), about: testKey, at: 0, 1, 2)
            #expect(try Self.read(world).body == nil)
            #expect(try Self.erase(world) == .erased(replicas: 3))
        }
    }

    @Test("A new value after the erasure is above the floor, whatever the proposer's clock says")
    func createdAgain() throws {
        let world = World(seed: 1)
        Self.deleted(world)
        _ = try Self.erase(world)
        let slow = Proposer(world, node: 3, round: 0)
        let changed = try slow.perform {
            try await $0.change(
                testKey,
                operation: OperationID(7),
                generation: 0,
                Append(item: 7)
            )
        }
        #expect(changed.outcome == .appended([7]))
        #expect(changed.state.ballot > world.floors[0])
    }
}
