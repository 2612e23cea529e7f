import MetadataStore
import Register
import Runtime
import SimulatedRuntime
import StoreModel
import Testing

/// A damaged row answers nothing, and gives way only to what cannot break its promises.
struct RepairTests {
    private static func damage(
        _ key: RegisterKey,
        in engine: any KeyValueEngine
    ) async throws {
        var row = try #require(try await engine.get(.rows, key.row))
        row[row.count / 2] ^= 4
        var batch = RowBatch()
        batch.put(.rows, key.row, row)
        try await engine.commit(batch, durable: true)
    }

    @Test("Only a ballot above every promise this node ever made replaces a damaged row")
    func repair() async throws {
        try await RocksSubject.with { subject in
            let random = SimulatedRandom(seed: 1)
            var store = try await MetadataStore.open(engine: subject.engine, random: random)
            let key = try MetadataStoreTests.key("a")
            let value = MetadataStoreTests.value("v")
            let accept = RegisterRequest.accept(
                MetadataStoreTests.ballot(5),
                value,
                generation: 0
            )
            _ = try await store.answer(accept, about: key)
            // What only this row knows: a high promise.
            _ = try await store.answer(.prepare(MetadataStoreTests.ballot(7_000_000)), about: key)
            try await Self.damage(key, in: subject.engine)
            // The ceiling is known after a restart, too.
            try await subject.reopen()
            store = try await MetadataStore.open(engine: subject.engine, random: random)
            let late = MetadataStoreTests.ballot(9_000_000)
            let tooLow = [MetadataStoreTests.ballot(6), MetadataStoreTests.ballot(7_000_000)]
            for ballot in tooLow {
                let reply = try await store.answer(.repair(ballot, value), about: key)
                guard case .conflict(let newest) = reply else {
                    Issue.record("\(reply)")
                    continue
                }
                #expect(newest > MetadataStoreTests.ballot(7_000_000) && newest < late)
                #expect(try await store.answer(.read, about: key) == .corrupt)
            }
            #expect(store.damagedRows == [key.row])
            #expect(try await store.answer(.repair(late, value), about: key) == .accepted)
            #expect(store.damagedRows == [])
            #expect(
                try await store.answer(.read, about: key) == .row(accepted: late, value: value)
            )
            let refused = try await store.answer(.prepare(late), about: key)
            #expect(refused == .conflict(newest: late))
        }
    }

    @Test("Anything but a repair is answered as corrupt, and writes nothing over the row")
    func corrupt() async throws {
        try await RocksSubject.with { subject in
            let store = try await MetadataStore.open(
                engine: subject.engine,
                random: SimulatedRandom(seed: 1)
            )
            let key = try MetadataStoreTests.key("a")
            let value = MetadataStoreTests.value("v")
            let high = MetadataStoreTests.ballot(1 << 40)
            let accept = RegisterRequest.accept(
                MetadataStoreTests.ballot(5),
                value,
                generation: 0
            )
            _ = try await store.answer(accept, about: key)
            try await Self.damage(key, in: subject.engine)
            let before = try await subject.engine.get(.rows, key.row)
            let requests: [RegisterRequest] = [
                .read, .prepare(high), .accept(high, value, generation: .max), .erase(high),
            ]
            for request in requests {
                #expect(try await store.answer(request, about: key) == .corrupt)
            }
            #expect(try await subject.engine.get(.rows, key.row) == before)
        }
    }

    @Test("On a sound row a repair is an accept like any other")
    func sound() async throws {
        try await RocksSubject.with { subject in
            let store = try await MetadataStore.open(
                engine: subject.engine,
                random: SimulatedRandom(seed: 1)
            )
            let key = try MetadataStoreTests.key("a")
            let (old, new) = (MetadataStoreTests.value("old"), MetadataStoreTests.value("new"))
            let ballot = MetadataStoreTests.ballot(5)
            _ = try await store.answer(.prepare(ballot), about: key)
            let low = try await store.answer(
                .repair(MetadataStoreTests.ballot(4), old),
                about: key
            )
            #expect(low == .conflict(newest: ballot))
            #expect(try await store.answer(.repair(ballot, new), about: key) == .accepted)
            #expect(
                try await store.answer(.read, about: key) == .row(accepted: ballot, value: new)
            )
        }
    }
}
