import MetadataStore
import Register
import Runtime
import SimulatedRuntime
import StoreModel
import Testing

/// What erased rows leave is on disk together with their absence.
struct FloorTests {
    static let tombstone = RegisterValue(
        changeNumber: 2,
        lineage: [],
        body: nil,
        hasGarbage: false
    )

    private static func open(_ engine: any KeyValueEngine) async throws -> MetadataStore {
        try await MetadataStore.open(engine: engine, random: SimulatedRandom(seed: 1))
    }

    /// Has the store accept a tombstone and forget it.
    private static func erase(
        _ key: RegisterKey,
        at round: UInt64,
        in store: MetadataStore
    ) async throws {
        let ballot = MetadataStoreTests.ballot(round)
        let accept = RegisterRequest.accept(ballot, Self.tombstone, generation: 0)
        #expect(try await store.answer(accept, about: key) == .accepted)
        #expect(try await store.answer(.erase(ballot), about: key) == .erased)
    }

    private static func accept(
        _ key: RegisterKey,
        at round: UInt64,
        in store: MetadataStore
    ) async throws -> RegisterReply {
        let value = MetadataStoreTests.value("v")
        return try await store.answer(
            .accept(MetadataStoreTests.ballot(round), value, generation: 0),
            about: key
        )
    }

    @Test("An erased row is gone, its floor stays, and both survive: one sync for both")
    func survives() async throws {
        try await RocksSubject.with { subject in
            var store = try await Self.open(subject.engine)
            let key = try MetadataStoreTests.key("a")
            let accept = RegisterRequest.accept(
                MetadataStoreTests.ballot(5),
                Self.tombstone,
                generation: 0
            )
            _ = try await store.answer(accept, about: key)
            let before = subject.engine.syncCount
            let reply = try await store.answer(.erase(MetadataStoreTests.ballot(5)), about: key)
            #expect(reply == .erased)
            #expect(subject.engine.syncCount == before + 1)
            let rows = try await store.rows(from: [], to: nil, limit: 9)
            #expect(rows.isEmpty)
            let index = try await store.engineRows(subject.engine)
            #expect(index.isEmpty, "No mark and no entry of the index is left.")
            try await subject.reopen()
            store = try await Self.open(subject.engine)
            let refused = try await Self.accept(key, at: 5, in: store)
            #expect(refused == .conflict(newest: MetadataStoreTests.ballot(5)))
            #expect(try await Self.accept(key, at: 6, in: store) == .accepted)
        }
    }

    @Test("The floor binds all registers of the partition that have no row, manifests apart")
    func domains() async throws {
        try await RocksSubject.with { subject in
            let store = try await Self.open(subject.engine)
            let key = try MetadataStoreTests.key("a")
            var (same, other) = ([RegisterKey](), [RegisterKey]())
            for number in 0..<2_000 {
                let next = try MetadataStoreTests.key("k\(number)")
                if next.partition == key.partition { same.append(next) } else { other.append(next) }
            }
            let withRow = try #require(same.first)
            let withoutRow = try #require(same.last)
            #expect(withRow != withoutRow)
            #expect(try await Self.accept(withRow, at: 2, in: store) == .accepted)
            try await Self.erase(key, at: 100, in: store)
            let floor = RegisterReply.conflict(newest: MetadataStoreTests.ballot(100))
            #expect(try await Self.accept(withRow, at: 3, in: store) == .accepted)
            #expect(try await Self.accept(withoutRow, at: 3, in: store) == floor)
            #expect(try await Self.accept(try #require(other.first), at: 3, in: store) == .accepted)
            let manifest = RegisterKey.manifest(
                ManifestID(partition: key.partition, birth: MetadataStoreTests.ballot(3))
            )
            #expect(try await Self.accept(manifest, at: 3, in: store) == .accepted)
            try await Self.erase(manifest, at: 50, in: store)
            let younger = RegisterKey.manifest(
                ManifestID(partition: key.partition, birth: MetadataStoreTests.ballot(50))
            )
            #expect(
                try await Self.accept(younger, at: 50, in: store)
                    == .conflict(newest: MetadataStoreTests.ballot(50))
            )
            #expect(try await Self.accept(younger, at: 51, in: store) == .accepted)
        }
    }

    @Test("Tombstones are found by their marks, oldest first, and no longer once they are not")
    func marks() async throws {
        try await RocksSubject.with { subject in
            let store = try await Self.open(subject.engine)
            let keys = try ["a", "b", "c", "d"].map { try MetadataStoreTests.key($0) }
            for (key, round) in zip(keys, [40, 10, 30, 20] as [UInt64]) {
                let ballot = MetadataStoreTests.ballot(round)
                let accept = RegisterRequest.accept(ballot, Self.tombstone, generation: 0)
                _ = try await store.answer(accept, about: key)
            }
            func found(before round: UInt64, limit: Int = 9) async throws -> [[UInt8]] {
                try await store.tombstones(before: round, after: nil, limit: limit).map(\.key)
            }
            let rows = keys.map(\.row)
            #expect(try await found(before: 99) == [rows[1], rows[3], rows[2], rows[0]])
            #expect(try await found(before: 30) == [rows[1], rows[3]])
            #expect(try await found(before: 99, limit: 1) == [rows[1]])
            let behind = try await store.tombstones(before: 99, after: (20, rows[3]), limit: 9)
            #expect(behind.map(\.key) == [rows[2], rows[0]])
            #expect(try await Self.accept(keys[1], at: 50, in: store) == .accepted)
            let erased = try await store.answer(
                .erase(MetadataStoreTests.ballot(20)),
                about: keys[3]
            )
            #expect(erased == .erased)
            #expect(try await found(before: 99) == [rows[2], rows[0]])
        }
    }

    @Test(
        "Whatever a crash leaves: a row that is gone has its floor, and floors never fall",
        arguments: UInt64(0)..<40
    )
    func crashes(seed: UInt64) throws {
        try Simulator.run(seed: seed) { simulator in
            let machine = simulator.machine("a")
            var random = SplitMix64(seed: seed)
            // All in one partition: their erasures share a floor.
            let first = try MetadataStoreTests.key("a")
            let keys = try (0..<3_000).map { try MetadataStoreTests.key("k\($0)") }
                .filter { $0.partition == first.partition }
            #expect(keys.count > 4)
            let store = try await Self.open(machine.engine)
            for (index, key) in keys.enumerated() {
                let ballot = MetadataStoreTests.ballot(UInt64(10 + index))
                let accept = RegisterRequest.accept(ballot, Self.tombstone, generation: 0)
                _ = try await store.answer(accept, about: key)
            }
            for (index, key) in keys.enumerated() {
                machine.doors.background.run {
                    let ballot = MetadataStoreTests.ballot(UInt64(10 + index))
                    _ = try? await store.answer(.erase(ballot), about: key)
                }
            }
            let delay = Duration.microseconds(random.number(in: 50...30_000))
            await simulator.doors().time.sleep(for: delay)
            machine.crash()
            machine.restart()
            let again = try await Self.open(machine.engine)
            for (index, key) in keys.enumerated() {
                let round = UInt64(10 + index)
                let ballot = MetadataStoreTests.ballot(round)
                let row = try await again.answer(.read, about: key)
                if row == .row(accepted: ballot, value: Self.tombstone) { continue }
                #expect(row == .row(accepted: .zero, value: nil))
                let reply = try await Self.accept(key, at: round, in: again)
                guard case .conflict(let newest) = reply else {
                    Issue.record("\(key) was forgotten together with its floor: \(reply)")
                    continue
                }
                #expect(newest >= ballot)
            }
        }
    }

    @Test("Without the floor on disk the check above would notice")
    func sabotage() async throws {
        try await RocksSubject.with { subject in
            let store = try await MetadataStore.open(
                engine: subject.engine,
                random: SimulatedRandom(seed: 1),
                sabotage: .noFloor
            )
            let key = try MetadataStoreTests.key("a")
            try await Self.erase(key, at: 5, in: store)
            #expect(try await Self.accept(key, at: 4, in: store) == .accepted)
        }
    }
}

extension MetadataStore {
    /// Marks and entries of the index.
    func engineRows(_ engine: any KeyValueEngine) async throws -> [[UInt8]] {
        try await engine.scan(.partitions, from: [], to: nil, limit: 99).map(\.key)
    }
}
