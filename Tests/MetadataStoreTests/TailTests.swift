import Register
import Runtime
import SimulatedRuntime
import StoreModel
import Synchronization
import Testing

@testable import MetadataStore

/// What of a manifest's row is long and never changes is written once, and is part of the row all
/// the same.
struct TailTests {
    static let manifest = ManifestID(
        partition: PartitionID(index: 17),
        birth: MetadataStoreTests.ballot(1)
    )
    static let key = RegisterKey.manifest(Self.manifest)

    /// A sealed manifest: segments as many as that, and a hold up to that round.
    static func value(_ count: Int, hold: UInt64) -> RegisterValue {
        let runs = (0..<count).map {
            SegmentRun(manifest: Self.manifest, part: UInt16($0), length: 100)
        }
        let owner = Owner.manifest(
            ManifestID(partition: PartitionID(index: 3), birth: MetadataStoreTests.ballot(hold))
        )
        let record = ManifestRecord(
            state: .sealed,
            storageClass: .standard,
            segments: runs,
            borrows: [],
            holds: [Hold(owner: owner, ceiling: MetadataStoreTests.ballot(hold))]
        )
        return RegisterValue(
            changeNumber: hold,
            lineage: [OperationID(hold)],
            body: record.encoded,
            hasGarbage: false
        )
    }

    static let tombstone = RegisterValue(
        changeNumber: 9,
        lineage: [],
        body: nil,
        hasGarbage: false
    )

    static func accept(_ round: UInt64, _ value: RegisterValue) -> RegisterRequest {
        .accept(MetadataStoreTests.ballot(round), value, generation: 0)
    }

    /// The accept with the tail of its value named.
    static func named(_ round: UInt64, _ value: RegisterValue) throws -> RegisterRequest {
        Self.accept(round, try #require(value.split(Self.key, from: 1)).head)
    }

    /// Runs `body` on a store in which segments of two runs or more are tails.
    private static func run(
        _ body: @escaping @Sendable (SimulatedMachine, MetadataStore) async throws -> Void
    ) throws {
        try Simulator.run(seed: 1) { simulator in
            let machine = simulator.machine("a")
            try await body(machine, try await Self.open(machine))
        }
    }

    private static func open(_ machine: SimulatedMachine) async throws -> MetadataStore {
        try await MetadataStore.open(
            engine: machine.engine,
            random: machine.doors.random,
            tailBytes: 2 * SegmentList.runBytes
        )
    }

    private static func damageTail(_ machine: SimulatedMachine) async throws {
        var batch = RowBatch()
        var tail = try #require(try await machine.engine.get(.tails, Self.key.row))
        tail[tail.count / 2] ^= 4
        batch.put(.tails, Self.key.row, tail)
        try await machine.engine.commit(batch, durable: true)
    }

    @Test("A change of the head writes the same however long the tail is, sent along or named")
    func writtenOnce() throws {
        var written: [[Int]] = []
        for count in [10, 1_000] {
            let bytes = Recorded<[Int]>([])
            try Self.run { machine, store in
                let first = Self.accept(2, Self.value(count, hold: 2))
                _ = try await store.answer(first, about: Self.key)
                for request in [
                    Self.accept(3, Self.value(count, hold: 3)),
                    try Self.named(4, Self.value(count, hold: 4)),
                ] {
                    let before = machine.engine.writtenBytes
                    #expect(try await store.answer(request, about: Self.key) == .accepted)
                    bytes.change { $0.append(machine.engine.writtenBytes - before) }
                }
                #expect(
                    try await store.answer(.read, about: Self.key)
                        == .row(
                            accepted: MetadataStoreTests.ballot(4),
                            value: Self.value(count, hold: 4)
                        )
                )
                let prepare = RegisterRequest.prepare(MetadataStoreTests.ballot(5))
                #expect(
                    try await store.answer(prepare, about: Self.key)
                        == .promised(
                            accepted: MetadataStoreTests.ballot(4),
                            value: Self.value(count, hold: 4)
                        )
                )
            }
            written.append(bytes.value)
        }
        #expect(written[0] == written[1])
        #expect(written[0].allSatisfy { $0 < 500 })
    }

    @Test("A repeated accept is the same, whether its tail is named or sent along")
    func repeated() throws {
        try Self.run { machine, store in
            let value = Self.value(5, hold: 2)
            let whole = Self.accept(2, value)
            for request in [whole, try Self.named(2, value), whole] {
                #expect(try await store.answer(request, about: Self.key) == .accepted)
            }
            let other = Self.value(6, hold: 2)
            #expect(
                try await store.answer(Self.accept(2, other), about: Self.key)
                    == .conflict(newest: MetadataStoreTests.ballot(2))
            )
        }
    }

    @Test("A tail that the replica does not have is asked for, and nothing happens before it comes")
    func missing() throws {
        try Self.run { machine, store in
            let value = Self.value(5, hold: 3)
            let short = try Self.named(3, value)
            #expect(try await store.answer(short, about: Self.key) == .tailMissing)
            #expect(machine.engine.keys(of: .rows) == [])
            _ = try await store.answer(Self.accept(2, Self.value(4, hold: 2)), about: Self.key)
            let before = machine.engine.writtenBytes
            #expect(try await store.answer(short, about: Self.key) == .tailMissing)
            #expect(machine.engine.writtenBytes == before)
            #expect(
                try await store.answer(.read, about: Self.key)
                    == .row(
                        accepted: MetadataStoreTests.ballot(2),
                        value: Self.value(4, hold: 2)
                    )
            )
            #expect(
                try await store.answer(Self.accept(3, value), about: Self.key) == .accepted
            )
            // What is refused anyway needs no tail.
            let late = try Self.named(2, Self.value(7, hold: 2))
            #expect(
                try await store.answer(late, about: Self.key)
                    == .conflict(newest: MetadataStoreTests.ballot(3))
            )
        }
    }

    @Test("A tail goes with the last row that names it, and short lists have none")
    func goes() throws {
        try Self.run { machine, store in
            _ = try await store.answer(Self.accept(2, Self.value(1, hold: 2)), about: Self.key)
            #expect(machine.engine.keys(of: .tails) == [])
            _ = try await store.answer(Self.accept(3, Self.value(5, hold: 3)), about: Self.key)
            #expect(machine.engine.keys(of: .tails) == [Self.key.row])
            _ = try await store.answer(Self.accept(4, Self.value(6, hold: 4)), about: Self.key)
            #expect(machine.engine.keys(of: .tails) == [Self.key.row])
            #expect(
                try await store.rows([Self.key.row]).first?.row?.value == Self.value(6, hold: 4)
            )
            _ = try await store.answer(Self.accept(5, Self.tombstone), about: Self.key)
            #expect(machine.engine.keys(of: .tails) == [])
            _ = try await store.answer(Self.accept(6, Self.value(5, hold: 6)), about: Self.key)
            #expect(machine.engine.keys(of: .tails) == [Self.key.row])
            #expect(try await store.dropPage(of: Self.key.partition) == 1)
            #expect(machine.engine.keys(of: .tails) == [])
            #expect(machine.engine.keys(of: .rows) == [])
        }
    }

    @Test("A row whose tail is damaged is damaged, until it is repaired by a whole value")
    func damaged() throws {
        try Self.run { machine, store in
            let value = Self.value(5, hold: 2)
            _ = try await store.answer(Self.accept(2, value), about: Self.key)
            try await Self.damageTail(machine)
            let scanned = try await store.rows(from: [], to: nil, limit: 9)
            #expect(scanned.map(\.content) == [.corrupt])
            #expect(store.damagedRows == [Self.key.row])
            let before = machine.engine.writtenBytes
            let high = MetadataStoreTests.ballot(1 << 40)
            let next = Self.value(5, hold: 3)
            for request in [
                .read, .prepare(high), Self.accept(1 << 40, next),
                try Self.named(1 << 40, next),
            ] {
                #expect(try await store.answer(request, about: Self.key) == .corrupt)
            }
            let head = try #require(next.split(Self.key, from: 1)).head
            #expect(
                try await store.answer(.repair(high, head), about: Self.key) == .tailMissing
            )
            #expect(machine.engine.writtenBytes == before)
            #expect(try await store.answer(.repair(high, next), about: Self.key) == .accepted)
            #expect(
                try await store.answer(.read, about: Self.key)
                    == .row(accepted: high, value: next)
            )
            #expect(store.damagedRows == [])
        }
    }

    @Test("A tail that is missing is no empty list: the row is damaged, for prepares too")
    func lost() throws {
        try Self.run { machine, store in
            _ = try await store.answer(Self.accept(2, Self.value(5, hold: 2)), about: Self.key)
            var batch = RowBatch()
            batch.delete(.tails, Self.key.row)
            try await machine.engine.commit(batch, durable: true)
            let before = machine.engine.writtenBytes
            let prepare = RegisterRequest.prepare(MetadataStoreTests.ballot(9))
            #expect(try await store.answer(prepare, about: Self.key) == .corrupt)
            #expect(machine.engine.writtenBytes == before, "It has promised nothing.")
            #expect(try await store.answer(.read, about: Self.key) == .corrupt)
            let again = try await Self.open(machine)
            #expect(try await again.rows([Self.key.row]).first?.row == nil)
        }
    }

    @Test("A crash leaves a row with its tail, or none of both", arguments: UInt64(0)..<60)
    func crash(seed: UInt64) throws {
        try Simulator.run(seed: seed) { simulator in
            let machine = simulator.machine("a")
            let store = try await Self.open(machine)
            let values = [
                Self.value(5, hold: 2), Self.value(6, hold: 3), Self.tombstone,
                Self.value(7, hold: 5), Self.value(7, hold: 6),
            ]
            machine.doors.background.run {
                for (place, value) in values.enumerated() {
                    _ = try? await store.answer(
                        Self.accept(UInt64(place) + 2, value),
                        about: Self.key
                    )
                }
            }
            await simulator.doors().time.sleep(for: .microseconds(Int(seed) * 200))
            machine.crash()
            machine.restart()
            let again = try await Self.open(machine)
            guard
                case .row(let accepted, let value) = try await again.answer(.read, about: Self.key)
            else {
                Issue.record("The row is damaged.")
                return
            }
            #expect(accepted == .zero || values[Int(accepted.round) - 2] == value)
            let hasTail = machine.engine.keys(of: .tails) == [Self.key.row]
            #expect(hasTail == (value?.body != nil))
        }
    }
}

/// A value that a run in a simulation leaves behind.
private final class Recorded<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    init(_ value: Value) { self.state = Mutex(value) }

    var value: Value { self.state.withLock { $0 } }

    func change(_ body: (inout Value) -> Void) { self.state.withLock { body(&$0) } }
}
