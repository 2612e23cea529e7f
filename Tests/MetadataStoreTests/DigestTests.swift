import Register
import Runtime
import SimulatedRuntime
import StoreModel
import Testing

@testable import MetadataStore

/// Digests are those of the rows, whenever they were counted.
struct DigestTests {
    private static func keys(_ count: Int) throws -> [RegisterKey] {
        let partition = try MetadataStoreTests.key("a").partition
        var keys: [RegisterKey] = []
        var number = 0
        while keys.count < count {
            let key = try MetadataStoreTests.key("k\(number)")
            if key.partition == partition { keys.append(key) }
            number += 1
        }
        return keys
    }

    /// What the digests have to be, from the rows themselves.
    private static func expected(_ store: MetadataStore) async throws -> [RowDigest] {
        var digests = [RowDigest](repeating: .none, count: RowDigest.ranges)
        for row in try await store.rows(from: [], to: nil, limit: 10_000) {
            guard case .row(let content) = row.content else { continue }
            digests[RowDigest.range(of: row.key)].toggle(
                RowDigest(of: row.key, accepted: content.accepted)
            )
        }
        return digests
    }

    @Test(
        "Digests counted while rows change are those of the rows in the end",
        arguments: UInt64(0)..<30
    )
    func concurrent(seed: UInt64) throws {
        try Simulator.run(seed: seed) { simulator in
            let machine = simulator.machine("a")
            let store = try await MetadataStore.open(
                engine: machine.engine,
                random: machine.doors.random
            )
            let keys = try Self.keys(40)
            let partition = keys[0].partition
            var random = SplitMix64(seed: seed)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, key) in keys.enumerated() {
                    let rounds = (0..<6).map { _ in UInt64(random.number(in: 1...1_000)) }
                    group.addTask {
                        for round in rounds {
                            let ballot = MetadataStoreTests.ballot(round)
                            let value =
                                round.isMultiple(of: 2)
                                ? FloorTests.tombstone : MetadataStoreTests.value("v")
                            _ = try await store.answer(
                                .accept(ballot, value, generation: 0),
                                about: key
                            )
                            _ = try await store.answer(.erase(ballot), about: key)
                            if index == 7 {
                                _ = try await store.digests(of: partition)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let digests = try await store.digests(of: partition)
            let expected = try await Self.expected(store)
            #expect(digests == expected)
            let sum = try await store.digestSum(of: partition)
            var total = RowDigest.none
            for digest in expected { total.toggle(digest) }
            #expect(sum == total)
            // Another store over the same rows counts the same.
            let again = try await MetadataStore.open(
                engine: machine.engine,
                random: machine.doors.random
            )
            let counted = try await again.digests(of: partition)
            #expect(counted == expected)
        }
    }

    @Test("Promises have no part in a digest")
    func promises() async throws {
        try await RocksSubject.with { subject in
            let store = try await MetadataStore.open(
                engine: subject.engine,
                random: SimulatedRandom(seed: 1)
            )
            let key = try MetadataStoreTests.key("a")
            let empty = try await store.digestSum(of: key.partition)
            _ = try await store.answer(.prepare(MetadataStoreTests.ballot(5)), about: key)
            #expect(empty == .none)
            #expect(try await store.digestSum(of: key.partition) == .none)
            let accept = RegisterRequest.accept(
                MetadataStoreTests.ballot(5),
                MetadataStoreTests.value("v"),
                generation: 0
            )
            _ = try await store.answer(accept, about: key)
            #expect(try await store.digestSum(of: key.partition) != .none)
        }
    }

    @Test("The rows of a range are listed with their ballots, page by page")
    func listing() async throws {
        try await RocksSubject.with { subject in
            let store = try await MetadataStore.open(
                engine: subject.engine,
                random: SimulatedRandom(seed: 1)
            )
            let keys = try Self.keys(60)
            for (index, key) in keys.enumerated() {
                let ballot = MetadataStoreTests.ballot(UInt64(index) + 1)
                let accept = RegisterRequest.accept(
                    ballot,
                    MetadataStoreTests.value("v"),
                    generation: 0
                )
                _ = try await store.answer(accept, about: key)
            }
            var listed: [[UInt8]: Ballot?] = [:]
            for range in 0..<RowDigest.ranges {
                var after: [UInt8]?
                while true {
                    let page = try await store.indexedRows(
                        of: range...range,
                        in: keys[0].partition,
                        after: after,
                        limit: 1
                    )
                    guard let row = page.first else { break }
                    #expect(RowDigest.range(of: row.row) == range)
                    listed[row.row] = row.accepted
                    after = row.row
                }
            }
            #expect(listed.count == keys.count)
            for (index, key) in keys.enumerated() {
                #expect(listed[key.row] == MetadataStoreTests.ballot(UInt64(index) + 1))
            }
        }
    }

    @Test("A damaged entry of the index is told apart, and a repair writes it anew")
    func damagedEntry() async throws {
        try await RocksSubject.with { subject in
            let engine = subject.engine
            let store = try await MetadataStore.open(
                engine: engine,
                random: SimulatedRandom(seed: 1)
            )
            let key = try MetadataStoreTests.key("a")
            let (ballot, value) = (MetadataStoreTests.ballot(5), MetadataStoreTests.value("v"))
            _ = try await store.answer(.accept(ballot, value, generation: 0), about: key)
            let entry = try #require(
                try await engine.scan(.partitions, from: [3], to: [4], limit: 9).first
            )
            var batch = RowBatch()
            batch.put(.partitions, entry.key, entry.value.dropLast() + [0xFF])
            try await engine.commit(batch, durable: true)
            func listed() async throws -> [IndexedRow] {
                let range = RowDigest.range(of: key.row)
                return try await store.indexedRows(
                    of: range...range,
                    in: key.partition,
                    after: nil,
                    limit: 9
                )
            }
            #expect(try await listed() == [IndexedRow(row: key.row, accepted: nil)])
            #expect(try await store.answer(.repair(ballot, value), about: key) == .accepted)
            #expect(try await listed() == [IndexedRow(row: key.row, accepted: ballot)])
            #expect(try await store.digests(of: key.partition) == Self.expected(store))
        }
    }

    @Test("A directory from before the index is indexed when it is opened")
    func oldDirectory() async throws {
        try await RocksSubject.with { subject in
            let engine = subject.engine
            let random = SimulatedRandom(seed: 1)
            var store = try await MetadataStore.open(engine: engine, random: random)
            let keys = try Self.keys(100)
            for (index, key) in keys.enumerated() {
                let value =
                    index.isMultiple(of: 3)
                    ? FloorTests.tombstone : MetadataStoreTests.value("v")
                let ballot = MetadataStoreTests.ballot(UInt64(index) + 1)
                _ = try await store.answer(.accept(ballot, value, generation: 0), about: key)
            }
            let before = try await engine.scan(.partitions, from: [], to: nil, limit: 999)
            var batch = RowBatch()
            for (key, _) in before { batch.delete(.partitions, key) }
            batch.delete(.node, [7])
            try await engine.commit(batch, durable: true)
            store = try await MetadataStore.open(engine: engine, random: random)
            let after = try await engine.scan(.partitions, from: [], to: nil, limit: 999)
            #expect(after.map(\.key) == before.map(\.key))
            #expect(after.map(\.value) == before.map(\.value))
            #expect(try await store.digests(of: keys[0].partition) == Self.expected(store))
        }
    }

    @Test("A directory knows its starts, and no others; of those long ago the number will do")
    func ownStarts() async throws {
        try await RocksSubject.with { subject in
            let random = SimulatedRandom(seed: 1)
            var store = try await MetadataStore.open(engine: subject.engine, random: random)
            #expect(store.previousStart == nil)
            var starts = [store.start]
            for _ in 0..<OwnStarts.startsMax + 5 {
                store = try await MetadataStore.open(engine: subject.engine, random: random)
                #expect(store.previousStart == starts.last)
                starts.append(store.start)
            }
            #expect(starts.allSatisfy { store.knows($0) })
            for start in starts.suffix(3) {
                let other = NodeStart(
                    incarnation: start.incarnation,
                    number: start.number ^ 1
                )
                #expect(!store.knows(other))
            }
            let next = NodeStart(incarnation: store.incarnation + 1, number: 1)
            #expect(!store.knows(next))
            let kept = try await subject.engine.scan(
                .node,
                from: NodeRow.ownStarts,
                to: NodeRow.ownStartsEnd,
                limit: .max
            )
            #expect(kept.count == OwnStarts.startsMax)
        }
    }

    @Test("The newest start of another node is kept; one that does not come after it is not")
    func starts() async throws {
        try await RocksSubject.with { subject in
            let random = SimulatedRandom(seed: 1)
            let store = try await MetadataStore.open(engine: subject.engine, random: random)
            let (node, other) = (NodeID(high: 1, low: 1), NodeID(high: 1, low: 2))
            let third = NodeStart(incarnation: 3, number: 30)
            #expect(try await store.note(third, after: nil, of: node) == nil)
            let before = subject.engine.syncCount
            #expect(try await store.note(third, after: nil, of: node) == nil, "The same again.")
            #expect(subject.engine.syncCount == before)
            try await subject.reopen()
            let again = try await MetadataStore.open(engine: subject.engine, random: random)
            func seen(
                _ start: NodeStart,
                after previous: NodeStart? = nil,
                of node: NodeID
            ) async throws -> NodeStart? {
                try await again.note(start, after: previous, of: node)
            }
            let second = NodeStart(incarnation: 2, number: 20)
            let fork = NodeStart(incarnation: 3, number: 31)
            let fourth = NodeStart(incarnation: 4, number: 40)
            #expect(try await seen(second, of: node) == third)
            #expect(try await seen(fork, after: second, of: node) == third)
            #expect(try await seen(fourth, after: fork, of: node) == third)
            #expect(try await seen(third, of: node) == nil)
            #expect(try await seen(NodeStart(incarnation: 1, number: 1), of: other) == nil)
            #expect(try await seen(fourth, after: third, of: node) == nil)
            #expect(again.start != store.start)
        }
    }
}
