import MetadataStore
import Register
import Runtime
import SimulatedRuntime
import StoreModel
import Synchronization
import Testing

/// What a replica has answered must be true of it after any crash.
struct CrashTests {
    /// The highest ballots that were answered, by key.
    private struct Answered: Sendable {
        var promised = Ballot.zero
        var accepted = Ballot.zero
    }

    private static func value(_ round: UInt64) -> RegisterValue {
        RegisterValue(
            changeNumber: round,
            lineage: [OperationID(round)],
            body: Array("\(round)".utf8),
            hasGarbage: round.isMultiple(of: 3)
        )
    }

    @Test(
        "No crash takes back a promise or a value that was answered, or repeats an incarnation",
        arguments: UInt64(0)..<30
    )
    func crashes(seed: UInt64) throws {
        try Simulator.run(seed: seed) { simulator in
            let machine = simulator.machine("a")
            var random = SplitMix64(seed: seed)
            let keys = try (0..<3).map { try MetadataStoreTests.key("key \($0)") }
            let answered = Mutex<[RegisterKey: Answered]>([:])
            let incarnations = Mutex<[UInt32]>([])
            let shared = Shared(answered, incarnations)
            for life in 0..<4 {
                machine.doors.background.run {
                    await Self.work(machine, keys, shared, seed: seed &* 10 &+ UInt64(life))
                }
                let delay = Duration.microseconds(random.number(in: 50...60_000))
                await simulator.doors().time.sleep(for: delay)
                machine.crash()
                machine.restart()
            }
            let store = try await MetadataStore.open(
                engine: machine.engine,
                random: machine.doors.random
            )
            shared.incarnations.withLock { $0.append(store.incarnation) }
            let seen = shared.incarnations.withLock { $0 }
            #expect(seen == seen.sorted() && Set(seen).count == seen.count)
            for key in keys {
                let told = shared.answered.withLock { $0[key] ?? Answered() }
                let marked = try await store.garbage(after: nil, limit: 99).map(\.key)
                let reply = try await store.answer(.read, about: key)
                guard case .row(let accepted, let value) = reply else {
                    Issue.record("\(reply)")
                    continue
                }
                #expect(accepted >= told.accepted)
                #expect(value == (accepted == .zero ? nil : Self.value(accepted.round)))
                #expect(marked.contains(key.row) == (value?.hasGarbage ?? false))
                guard told.promised > .zero else { continue }
                let refused = try await store.answer(.prepare(told.promised), about: key)
                guard case .conflict(let newest) = refused else {
                    Issue.record("\(refused)")
                    continue
                }
                #expect(newest >= told.promised)
            }
        }
    }

    /// Mutexes that tasks share.
    private final class Shared: Sendable {
        let answered: Mutex<[RegisterKey: Answered]>
        let incarnations: Mutex<[UInt32]>

        init(
            _ answered: consuming sending Mutex<[RegisterKey: Answered]>,
            _ incarnations: consuming sending Mutex<[UInt32]>
        ) {
            self.answered = answered
            self.incarnations = incarnations
        }
    }

    private static func work(
        _ machine: SimulatedMachine,
        _ keys: [RegisterKey],
        _ shared: Shared,
        seed: UInt64
    ) async {
        let opened = try? await MetadataStore.open(
            engine: machine.engine,
            random: machine.doors.random
        )
        guard let store = opened else { return }
        shared.incarnations.withLock { $0.append(store.incarnation) }
        await withTaskGroup(of: Void.self) { group in
            for proposer in 0..<4 {
                group.addTask {
                    var random = SplitMix64(seed: seed &* 4 &+ UInt64(proposer))
                    for _ in 0..<60 {
                        let key = keys[random.number(in: 0...2)]
                        let round = UInt64(random.number(in: 1...10_000))
                        await Self.propose(round, key, store, shared)
                    }
                }
            }
        }
    }

    private static func propose(
        _ round: UInt64,
        _ key: RegisterKey,
        _ store: MetadataStore,
        _ shared: Shared
    ) async {
        let ballot = Ballot(round: round, node: 1, incarnation: 1, sequence: 0)
        guard case .promised? = try? await store.answer(.prepare(ballot), about: key) else {
            return
        }
        shared.answered.withLock { answered in
            let before = answered[key, default: Answered()].promised
            answered[key, default: Answered()].promised = max(before, ballot)
        }
        let accept = RegisterRequest.accept(ballot, Self.value(round), generation: 0)
        guard case .accepted? = try? await store.answer(accept, about: key) else { return }
        shared.answered.withLock { answered in
            let before = answered[key, default: Answered()].accepted
            answered[key, default: Answered()].accepted = max(before, ballot)
        }
    }

    @Test(
        "Once a fence is answered, no accept that it forbids appears any more",
        arguments: UInt64(0)..<30
    )
    func fenceIsABarrier(seed: UInt64) throws {
        try Simulator.run(seed: seed) { simulator in
            let machine = simulator.machine("a")
            let store = try await MetadataStore.open(
                engine: BusyEngine(engine: machine.engine, doors: machine.doors),
                random: machine.doors.random
            )
            for index in 0..<30 {
                machine.doors.background.run {
                    guard let key = try? MetadataStoreTests.key("key \(index)") else { return }
                    let delay = Duration.microseconds(index * 50)
                    await machine.doors.time.sleep(for: delay)
                    let ballot = MetadataStoreTests.ballot(1)
                    let accept = RegisterRequest.accept(ballot, Self.value(1), generation: 1)
                    _ = try? await store.answer(accept, about: key)
                }
            }
            await machine.doors.time.sleep(for: .microseconds(700))
            try await store.fence(MetadataStoreTests.bucket, generation: 2)
            let before = try await store.rows(from: [], to: nil, limit: 99)
            await machine.doors.time.sleep(for: .seconds(1))
            let after = try await store.rows(from: [], to: nil, limit: 99)
            #expect(before == after)
            #expect((1..<30).contains(after.count))
        }
    }

    /// An engine whose commits wait in line before they are taken, each as long as it happens.
    private struct BusyEngine: KeyValueEngine {
        let engine: SimulatedEngine
        let doors: Doors

        func get(_ family: RowFamily, _ key: [UInt8]) async throws(EngineError) -> [UInt8]? {
            try await self.engine.get(family, key)
        }

        func walk<State: Sendable>(
            _ family: RowFamily,
            from start: [UInt8],
            to end: [UInt8]?,
            _ state: State,
            visit: @escaping @Sendable (inout State, RawSpan, RawSpan) -> WalkStep
        ) async throws(EngineError) -> State {
            try await self.engine.walk(family, from: start, to: end, state, visit: visit)
        }

        func commit(_ batch: RowBatch, durable: Bool) async throws(EngineError) {
            let delay = Duration.microseconds(Int(self.doors.random.next() % 2_000))
            await self.doors.time.sleep(for: delay)
            try await self.engine.commit(batch, durable: durable)
        }

        var syncCount: Int { self.engine.syncCount }
    }

    @Test("Under a task lock one is inside at a time, in order of arrival", arguments: 0..<10)
    func taskLock(seed: Int) throws {
        try Simulator.run(seed: UInt64(seed)) { simulator in
            let lock = TaskLock()
            let time = simulator.doors().time
            let inside = Inside()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        await lock.run {
                            inside.enter()
                            await time.sleep(for: .milliseconds(1))
                            inside.leave()
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(inside.total == 20)
        }
    }

    private final class Inside: Sendable {
        private let state = Mutex((now: 0, total: 0))

        var total: Int { self.state.withLock { $0.total } }

        func enter() {
            let now = self.state.withLock { state in
                state.now += 1
                state.total += 1
                return state.now
            }
            #expect(now == 1)
        }

        func leave() { self.state.withLock { $0.now -= 1 } }
    }
}
