import MetadataStore
import Register
import Runtime
import SimulatedRuntime
import StoreModel
import Testing

/// The switch from one layout to another, and what joining a partition means, on disk.
struct LayoutTests {
    private static let bucket = BucketID(7)
    private static let key = RegisterKey.object(bucket, ObjectKey("cat") ?? Self.unreachable())

    private static func unreachable() -> ObjectKey { preconditionFailure("A key by the rules.") }

    private static func ballot(_ round: UInt64) -> Ballot {
        Ballot(round: round, node: 1, incarnation: 1, sequence: UInt16(truncatingIfNeeded: round))
    }

    private static func value(_ number: UInt64) -> RegisterValue {
        RegisterValue(
            changeNumber: number,
            lineage: [OperationID(number)],
            body: [UInt8(truncatingIfNeeded: number)],
            hasGarbage: true
        )
    }

    private static func accept(_ round: UInt64) -> RegisterRequest {
        .accept(Self.ballot(round), Self.value(round), generation: 0)
    }

    private static func layout(_ epoch: UInt64, isJoint: Bool = false) -> LayoutRecord {
        let node = LayoutNode(
            id: NodeID(high: 1, low: 1),
            name: "n",
            zone: "z",
            capacityBytes: 1,
            address: "n:1"
        )
        let ring = Array(repeating: [UInt16(0)], count: Limit.partitions)
        return LayoutRecord(
            epoch: epoch,
            nodes: [node],
            replicaSets: ring,
            systemSet: [0],
            former: isJoint ? ReplicaSets(ring: ring, system: [0]) : nil
        )
    }

    private static func run(
        _ body: @escaping @Sendable (MetadataStore, SimulatedMachine) async throws -> Void
    ) throws {
        try Simulator.run(seed: 1) { simulator in
            let machine = simulator.machine("n1")
            let store = try await Self.open(machine)
            try await store.store(Self.layout(1))
            try await body(store, machine)
        }
    }

    private static func open(_ machine: SimulatedMachine) async throws -> MetadataStore {
        try await MetadataStore.open(engine: machine.engine, random: machine.doors.random)
    }

    @Test("Nothing that was asked under an older layout is written after the switch")
    func border() throws {
        try Self.run { store, _ in
            let first = try await store.answer(Self.accept(5), about: Self.key, under: 1)
            #expect(first == .reply(.accepted))
            try await store.store(Self.layout(2, isJoint: true))
            for request in [Self.accept(6), .prepare(Self.ballot(7)), .read] {
                let late = try await store.answer(request, about: Self.key, under: 1)
                #expect(late == .otherLayout)
            }
            let now = try await store.answer(.read, about: Self.key, under: 2)
            #expect(now == .reply(.row(accepted: Self.ballot(5), value: Self.value(5))))
            let early = try await store.answer(.read, about: Self.key, under: 3)
            #expect(early == .otherLayout)
        }
    }

    @Test("Accepts that race with the switch are in the rows when it has ended, or nowhere")
    func race() throws {
        try Self.run { store, machine in
            let taken = await withTaskGroup(of: UInt64?.self) { group in
                for round in UInt64(10)...60 {
                    group.addTask {
                        let key = RegisterKey.object(BucketID(round), Self.dog)
                        let reply = try? await store.answer(
                            Self.accept(round),
                            about: key,
                            under: 1
                        )
                        return reply == .reply(.accepted) ? round : nil
                    }
                }
                group.addTask {
                    try? await store.store(Self.layout(2))
                    return nil
                }
                var taken: Set<UInt64> = []
                for await round in group { if let round { taken.insert(round) } }
                return taken
            }
            // What is on disk after a crash right now is what was acknowledged, and no more.
            machine.crash()
            machine.restart()
            let again = try await Self.open(machine)
            for round in UInt64(10)...60 {
                let key = RegisterKey.object(BucketID(round), Self.dog)
                let reply = try await again.answer(.read, about: key, under: 2)
                let isThere = reply != .reply(.row(accepted: .zero, value: nil))
                #expect(isThere == taken.contains(round), "round \(round)")
            }
        }
    }

    private static let dog = ObjectKey("dog") ?? Self.unreachable()

    @Test("A partition that is joined begins empty, with no mark or index entry left")
    func joinsEmpty() throws {
        try Self.run { store, machine in
            for number in UInt64(1)...600 {
                guard let name = ObjectKey("k\(number)") else { continue }
                let key = RegisterKey.object(Self.bucket, name)
                _ = try await store.answer(Self.accept(number + 1), about: key, under: 1)
            }
            let partition = Self.key.partition
            let kept = try await store.digestSum(of: PartitionID(index: 0))
            try await store.store(Self.layout(2, isJoint: true), joining: [partition])
            #expect(try await store.digestSum(of: partition) == .none)
            if partition.index != 0 {
                #expect(try await store.digestSum(of: PartitionID(index: 0)) == kept)
            }
            for row in try await store.rows(from: [], to: nil, limit: 1_000) {
                #expect(try RegisterKey(row: row.key).partition != partition)
            }
            for row in try await store.garbage(after: nil, limit: 1_000) {
                #expect(try RegisterKey(row: row.key).partition != partition)
            }
            machine.crash()
            machine.restart()
            let again = try await Self.open(machine)
            #expect(again.layout?.epoch == 2)
            #expect(try await again.digestSum(of: partition) == .none)
        }
    }

    @Test("Before it knows the floor a new replica takes only what it promised, or is handed over")
    func awaitsFloor() throws {
        try Self.run { store, machine in
            let partition = Self.key.partition
            try await store.store(Self.layout(2, isJoint: true), joining: [partition])
            let birth = try await store.answer(Self.accept(5), about: Self.key, under: 2)
            #expect(birth == .awaitsFloor)
            machine.crash()
            machine.restart()
            let again = try await Self.open(machine)
            #expect(!again.floors(of: partition).isComplete, "It is remembered.")
            _ = try await again.answer(.prepare(Self.ballot(6)), about: Self.key, under: 2)
            let promised = try await again.answer(Self.accept(6), about: Self.key, under: 2)
            #expect(promised == .reply(.accepted))
            let other = RegisterKey.object(Self.bucket, Self.dog)
            let installed = try await again.answer(
                Self.accept(4),
                about: other,
                under: 2,
                isInstall: true
            )
            #expect(installed == .reply(.accepted))
            try await again.raise(
                PartitionFloors(objects: Self.ballot(9), manifests: .zero),
                of: partition
            )
            #expect(again.floors(of: partition).isComplete)
            let third = RegisterKey.manifest(
                ManifestID(partition: partition, birth: Self.ballot(3))
            )
            let created = try await again.answer(Self.accept(3), about: third, under: 2)
            #expect(created == .reply(.accepted), "Now it knows, and manifests have no floor.")
        }
    }

    @Test("While the layout is joint no row is erased; with the rule broken it is")
    func eraseInJoint() throws {
        for sabotage: AcceptorSabotage in [[], .eraseAnyConfig] {
            try Simulator.run(seed: 1) { simulator in
                let machine = simulator.machine("n1")
                let store = try await MetadataStore.open(
                    engine: machine.engine,
                    random: machine.doors.random,
                    sabotage: sabotage
                )
                try await store.store(Self.layout(2, isJoint: true))
                let tombstone = RegisterValue(
                    changeNumber: 1,
                    lineage: [],
                    body: nil,
                    hasGarbage: false
                )
                let accept = RegisterRequest.accept(Self.ballot(5), tombstone, generation: 0)
                _ = try await store.answer(accept, about: Self.key, under: 2)
                let reply = try await store.answer(
                    .erase(Self.ballot(5)),
                    about: Self.key,
                    under: 2
                )
                let isErased = reply == .reply(.erased)
                #expect(isErased == sabotage.contains(.eraseAnyConfig))
            }
        }
    }

    @Test("Fences are raised for askers of the same layout only, and are told in order")
    func fences() throws {
        try Self.run { store, _ in
            let fences = [3, 1, 2].map { BucketFence(bucket: BucketID($0), generation: $0) }
            #expect(try await store.raise(fences, under: 1))
            try await store.store(Self.layout(2))
            #expect(try await !store.raise(fences, under: 1))
            #expect(store.fences(after: nil, limit: 2).map(\.bucket.number) == [1, 2])
            #expect(store.fences(after: BucketID(2), limit: 2).map(\.bucket.number) == [3])
        }
    }
}
