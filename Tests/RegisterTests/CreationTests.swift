import Register
import StoreModel
import Testing

/// Registers that are created by their birth accept: manifests.
struct CreationTests {
    private static let birth = ballot(100)
    private static let key = RegisterKey.manifest(
        ManifestID(partition: PartitionID(index: 3), birth: birth)
    )
    private static let first = RegisterValue.first(
        body: Append.body([1]),
        operation: OperationID(1)
    )

    private static func create(_ world: World) throws -> CreateOutcome {
        try Proposer(world).perform { try await $0.create(Self.key, at: Self.birth, Self.first) }
    }

    @Test("A creation takes one round and no prepare")
    func create() throws {
        let world = World(seed: 1)
        #expect(try Self.create(world) == .created)
        #expect(world.rounds == 1)
        #expect(world.messages == 3)
        let state = try Proposer(world, node: 2).perform {
            try await $0.read(Self.key, generation: 0)
        }
        #expect(state == RegisterState(ballot: Self.birth, value: Self.first))
    }

    @Test("A repeated creation finds itself")
    func again() throws {
        let world = World(seed: 1)
        _ = try Self.create(world)
        #expect(try Self.create(world) == .created)
    }

    @Test("Below the floor a creation is refused")
    func floor() throws {
        let world = World(seed: 1)
        world.rules.floor = Self.birth
        #expect(try Self.create(world) == .refused)
        #expect(world.rows.allSatisfy { $0.isEmpty })
    }

    @Test("Whoever else works on a manifest does so above its birth, so the creation is too late")
    func laterBallots() throws {
        let world = World(seed: 1)
        let state = try Proposer(world, node: 2).perform {
            try await $0.identity(Self.key, generation: 0)
        }
        #expect(state.ballot.round > Self.birth.round)
        #expect(state.body == nil)
        #expect(try Self.create(world) == .refused)
    }

    @Test("With one acknowledgement nobody knows; reading finishes what is there")
    func unknown() throws {
        let world = World(seed: 1)
        world.isUp[1] = false
        world.isUp[2] = false
        #expect(try Self.create(world) == .unknown)
        world.isUp[2] = true
        let state = try Proposer(world, node: 2).perform {
            try await $0.read(Self.key, generation: 0)
        }
        #expect(state.value == Self.first)
        #expect(world.rows[2][Self.key]?.value == Self.first)
    }

    @Test("A change adopts a creation that a minority has")
    func adoption() throws {
        let world = World(seed: 1)
        world.put(accept(Self.birth, Self.first), about: Self.key, at: 0)
        world.isUp[2] = false
        let changed = try Proposer(world, node: 2).perform {
            try await $0.change(
                Self.key,
                operation: OperationID(9),
                generation: 0,
                Append(item: 9)
            )
        }
        #expect(changed.outcome == .appended([1, 9]))
    }
}
