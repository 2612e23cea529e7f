import MetadataStore
import Register
import Runtime
import SimulatedRuntime
import StoreModel
import Testing

struct MetadataStoreTests {
    static let bucket = BucketID(7)

    static func key(_ text: String) throws -> RegisterKey {
        .object(Self.bucket, try #require(ObjectKey(text)))
    }

    static func ballot(_ round: UInt64) -> Ballot {
        Ballot(round: round, node: 1, incarnation: 1, sequence: 0)
    }

    static func value(_ text: String, garbage: Bool = false) -> RegisterValue {
        RegisterValue(
            changeNumber: 1,
            lineage: [],
            body: Array(text.utf8),
            hasGarbage: garbage
        )
    }

    @Test("What was promised and accepted is there after closing and opening")
    func survives() async throws {
        let subject = try RocksSubject()
        let random = SimulatedRandom(seed: 1)
        let store = try await MetadataStore.open(engine: subject.engine, random: random)
        let key = try Self.key("cat.jpg")
        let value = Self.value("cat")
        #expect(
            try await store.answer(.prepare(Self.ballot(1)), about: key)
                == .promised(accepted: .zero, value: nil)
        )
        #expect(
            try await store.answer(.accept(Self.ballot(1), value, generation: 0), about: key)
                == .accepted
        )
        _ = try await store.answer(.prepare(Self.ballot(5)), about: key)
        try await subject.reopen()

        let again = try await MetadataStore.open(engine: subject.engine, random: random)
        #expect(again.node == store.node)
        #expect(again.incarnation == store.incarnation + 1)
        #expect(
            try await again.answer(.read, about: key)
                == .row(accepted: Self.ballot(1), value: value)
        )
        #expect(
            try await again.answer(.prepare(Self.ballot(4)), about: key)
                == .conflict(newest: Self.ballot(5))
        )
        await subject.rocks.close()
    }

    @Test("A read makes no sync, a refusal makes none, a promise makes one")
    func syncs() async throws {
        let subject = try RocksSubject()
        let store = try await MetadataStore.open(
            engine: subject.engine,
            random: SimulatedRandom(seed: 1)
        )
        let key = try Self.key("a")
        let before = subject.engine.syncCount
        _ = try await store.answer(.prepare(Self.ballot(2)), about: key)
        #expect(subject.engine.syncCount == before + 1)
        _ = try await store.answer(.read, about: key)
        _ = try await store.answer(.prepare(Self.ballot(1)), about: key)
        #expect(subject.engine.syncCount == before + 1)
        await subject.rocks.close()
    }

    @Test("Requests about many registers share syncs")
    func sharedSyncs() async throws {
        let subject = try RocksSubject()
        let store = try await MetadataStore.open(
            engine: subject.engine,
            random: SimulatedRandom(seed: 1)
        )
        // The first promise raises the ceiling of all promises, which everybody waits for.
        _ = try await store.answer(.prepare(Self.ballot(1)), about: try Self.key("first"))
        let before = subject.engine.syncCount
        // Some of the rows share a lock, and wait for one another.
        try await subject.gather(100)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<200 {
                let key = try Self.key("key \(index)")
                group.addTask {
                    let reply = try await store.answer(.prepare(Self.ballot(1)), about: key)
                    #expect(reply == .promised(accepted: .zero, value: nil))
                }
            }
            try await group.waitForAll()
        }
        #expect(subject.engine.syncCount - before <= 1 + 1 + 100)
        await subject.rocks.close()
    }

    @Test("Of two hundred proposers at once on one register, each promise rules out the lower ones")
    func turns() async throws {
        let subject = try RocksSubject()
        let store = try await MetadataStore.open(
            engine: subject.engine,
            random: SimulatedRandom(seed: 1)
        )
        let key = try Self.key("contended")
        let granted = try await withThrowingTaskGroup(of: UInt64?.self) { group in
            for round in UInt64(1)...200 {
                group.addTask {
                    let reply = try await store.answer(.prepare(Self.ballot(round)), about: key)
                    if case .promised = reply { return round }
                    return nil
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(granted.contains(200))
        #expect(
            try await store.answer(.prepare(Self.ballot(200)), about: key)
                == .conflict(newest: Self.ballot(200))
        )
        await subject.rocks.close()
    }

    @Test("One flipped bit anywhere in a row makes it corrupt, never absent or another")
    func bitFlips() async throws {
        let subject = try RocksSubject()
        let engine = subject.engine
        let store = try await MetadataStore.open(engine: engine, random: SimulatedRandom(seed: 1))
        let key = try Self.key("a")
        let value = Self.value("a value")
        _ = try await store.answer(.accept(Self.ballot(1), value, generation: 0), about: key)
        let sound = try #require(try await engine.get(.rows, key.row))
        for bit in 0..<(sound.count * 8) {
            var damaged = sound
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            var batch = RowBatch()
            batch.put(.rows, key.row, damaged)
            try await engine.commit(batch, durable: false)
            #expect(try await store.answer(.read, about: key) == .corrupt)
            #expect(try await store.answer(.prepare(Self.ballot(9)), about: key) == .corrupt)
            #expect(try await engine.get(.rows, key.row) == damaged, "Nothing was written over it.")
            let rows = try await store.rows(from: [], to: nil, limit: 2)
            #expect(rows == [StoredRow(key: key.row, content: .corrupt)])
        }
        // A sound row under another's key is not that other's row.
        let other = try Self.key("b")
        var batch = RowBatch()
        batch.put(.rows, other.row, sound)
        try await engine.commit(batch, durable: false)
        #expect(try await store.answer(.read, about: other) == .corrupt)
        await subject.rocks.close()
    }

    @Test("A fence refuses lower generations of its bucket only, is never lowered, and survives")
    func fence() async throws {
        let subject = try RocksSubject()
        let random = SimulatedRandom(seed: 1)
        var store = try await MetadataStore.open(engine: subject.engine, random: random)
        try await store.fence(Self.bucket, generation: 3)
        try await store.fence(Self.bucket, generation: 2)
        try await subject.reopen()
        store = try await MetadataStore.open(engine: subject.engine, random: random)
        let value = Self.value("v")
        let key = try Self.key("a")
        let other = RegisterKey.object(BucketID(8), try #require(ObjectKey("a")))
        #expect(
            try await store.answer(.accept(Self.ballot(1), value, generation: 2), about: key)
                == .fenced(generation: 3)
        )
        #expect(
            try await store.answer(.accept(Self.ballot(1), value, generation: 3), about: key)
                == .accepted
        )
        #expect(
            try await store.answer(.accept(Self.ballot(1), value, generation: 2), about: other)
                == .accepted
        )
        await subject.rocks.close()
    }

    @Test("Rows with garbage are found by their marks, and no longer once it is gone")
    func garbage() async throws {
        let subject = try RocksSubject()
        let store = try await MetadataStore.open(
            engine: subject.engine,
            random: SimulatedRandom(seed: 1)
        )
        for (index, name) in ["a", "b", "c", "d"].enumerated() {
            let value = Self.value(name, garbage: !index.isMultiple(of: 2))
            _ = try await store.answer(
                .accept(Self.ballot(1), value, generation: 0),
                about: try Self.key(name)
            )
        }
        let (b, d) = (try Self.key("b").row, try Self.key("d").row)
        #expect(try await store.garbage(after: nil, limit: 9).map(\.key) == [b, d])
        #expect(try await store.garbage(after: nil, limit: 1).map(\.key) == [b])
        #expect(try await store.garbage(after: b, limit: 9).map(\.key) == [d])
        _ = try await store.answer(
            .accept(Self.ballot(2), Self.value("b"), generation: 0),
            about: try Self.key("b")
        )
        #expect(try await store.garbage(after: nil, limit: 9).map(\.key) == [d])
        #expect(try await store.rows(from: [], to: nil, limit: 9).count == 4)
        let marks = try await subject.engine.scan(.partitions, from: [], to: [2], limit: 9)
        #expect(marks.count == 1, "No mark is left behind.")
        await subject.rocks.close()
    }

    @Test("Only a newer layout replaces the stored one, and it survives")
    func layout() async throws {
        let subject = try RocksSubject()
        let random = SimulatedRandom(seed: 1)
        let store = try await MetadataStore.open(engine: subject.engine, random: random)
        #expect(store.layout == nil)
        for epoch in [2, 3, 1] as [UInt64] { try await store.store(Self.layout(epoch: epoch)) }
        #expect(store.layout?.epoch == 3)
        try await subject.reopen()
        let again = try await MetadataStore.open(engine: subject.engine, random: random)
        #expect(again.layout == Self.layout(epoch: 3))
        await subject.rocks.close()
    }

    static func layout(epoch: UInt64) -> LayoutRecord {
        let node = LayoutNode(
            id: NodeID(high: 1, low: 2),
            name: "n1",
            zone: "z1",
            capacityBytes: 1,
            address: "127.0.0.1:1"
        )
        return LayoutRecord(
            epoch: epoch,
            nodes: [node],
            replicaSets: Array(repeating: [0], count: Limit.partitions),
            systemSet: [0]
        )
    }

    @Test("A directory with rows but without an identity, or with a damaged one, is refused")
    func lostIdentity() async throws {
        let subject = try RocksSubject()
        let engine = subject.engine
        let random = SimulatedRandom(seed: 1)
        let store = try await MetadataStore.open(engine: engine, random: random)
        _ = try await store.answer(.prepare(Self.ballot(1)), about: try Self.key("a"))
        let sound = try #require(try await engine.get(.node, [1]))
        for damage in [nil, sound.dropLast() + [0xFF], []] as [[UInt8]?] {
            var batch = RowBatch()
            batch.delete(.node, [1])
            if let damage { batch.put(.node, [1], damage) }
            try await engine.commit(batch, durable: true)
            await #expect(throws: MetadataError.self) {
                try await MetadataStore.open(engine: engine, random: random)
            }
        }
        await subject.rocks.close()
    }
}
