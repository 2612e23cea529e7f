package import Runtime
import Synchronization

/// An ordered store of rows that keeps the contract of ``KeyValueEngine`` and no more.
///
/// One writer takes all batches that wait, applies them in order, and syncs if one of them asks for
/// it. A crash leaves all that was synced and, of the batches after it, the first few: as many as
/// the seed says.
package final class SimulatedEngine: KeyValueEngine {
    private struct Commit: Sendable {
        let batch: RowBatch
        let isDurable: Bool
        let wakeup: Wakeup<EngineError?>
    }

    private struct State {
        /// What is seen.
        var rows = RowTable()
        /// What a crash leaves for certain, and the batches that it may leave too.
        var durable = RowTable()
        var unsynced: [RowBatch] = []
        var waiting: [Commit] = []
        var underWay: [Commit] = []
        var failure: EngineError?
        var syncCount = 0
        var writtenBytes = 0
        var walked = WalkCounts()
        /// Grows with each crash: the writer of an older one has nothing to say.
        var generation = 0
        var failsNextSync = false
        /// The row of a register that was written last.
        var newestRow: [UInt8]?
        /// Batches that are acknowledged as durable although they are not.
        var lies: @Sendable (RowBatch) -> Bool = { _ in false }
        /// Batches that are acknowledged as durable and are gone after a crash.
        var forgets: @Sendable (RowBatch) -> Bool = { _ in false }
    }

    private static let readMicroseconds = 2...40
    private static let writeMicroseconds = 5...60
    private static let syncMicroseconds = 80...3_000
    /// What all learn who want something when the run is over.
    private static let afterTheEnd = EngineError.failed("after the end of the run")

    private let simulator: Simulator
    private let state = Mutex(State())

    init(_ simulator: Simulator) { self.simulator = simulator }

    package var syncCount: Int { self.state.withLock { $0.syncCount } }

    /// Bytes of the keys and values of all changes so far.
    ///
    /// For tests.
    package var writtenBytes: Int { self.state.withLock { $0.writtenBytes } }

    /// What all walks so far have cost.
    ///
    /// For tests.
    package var walked: WalkCounts { self.state.withLock { $0.walked } }

    /// Rows seen, of all families.
    ///
    /// For tests.
    package var rowCount: Int { self.state.withLock { $0.rows.count } }

    /// The keys of all rows of a family, in order, at once.
    ///
    /// For tests.
    package func keys(of family: RowFamily) -> [[UInt8]] {
        self.state.withLock { state in
            state.rows.rows(of: family).map(\.key)
        }
    }

    package func get(
        _ family: RowFamily,
        _ key: [UInt8]
    ) async throws(EngineError) -> [UInt8]? {
        await self.simulator.dawdle(microseconds: Self.readMicroseconds)
        guard !self.simulator.isOver else { throw Self.afterTheEnd }
        let (failure, value) = self.state.withLock { ($0.failure, $0.rows.get(family, key)) }
        if let failure { throw failure }
        return value
    }

    package func walk<State: Sendable>(
        _ family: RowFamily,
        from start: [UInt8],
        to end: [UInt8]?,
        _ state: State,
        visit: @escaping @Sendable (inout State, RawSpan, RawSpan) -> WalkStep
    ) async throws(EngineError) -> State {
        await self.simulator.dawdle(microseconds: Self.readMicroseconds)
        guard !self.simulator.isOver else { throw Self.afterTheEnd }
        // Outside the lock: a copy of what is there now.
        let (failure, rows) = self.state.withLock { ($0.failure, $0.rows) }
        if let failure { throw failure }
        var (state, counts) = (state, WalkCounts(walks: 1))
        rows.walk(family, from: start, to: end) { key, value in
            let step = visit(&state, key, value)
            counts.rows += 1
            if case .seek = step { counts.seeks += 1 }
            return step
        }
        self.state.withLock { [counts] in $0.walked += counts }
        return state
    }

    package func commit(_ batch: RowBatch, durable: Bool) async throws(EngineError) {
        if self.simulator.isOver {
            await self.simulator.dawdle(microseconds: Self.writeMicroseconds)
            throw Self.afterTheEnd
        }
        let failure: EngineError? = await suspended { wakeup in
            let isLie = durable && self.state.withLock { $0.lies }(batch)
            let commit = Commit(batch: batch, isDurable: durable && !isLie, wakeup: wakeup)
            let isIdle = self.state.withLock { state in
                state.waiting.append(commit)
                return state.underWay.isEmpty
            }
            if isIdle { self.write() }
        }
        if let failure { throw failure }
    }

    /// Starts to write all that waits.
    private func write() {
        let (isDurable, generation) = self.state.withLock { state in
            (state.underWay, state.waiting) = (state.waiting, [])
            return (state.underWay.contains { $0.isDurable }, state.generation)
        }
        let range = isDurable ? Self.syncMicroseconds : Self.writeMicroseconds
        let delay = self.simulator.draw { $0.number(in: range) }
        self.simulator.after(.microseconds(delay)) {
            self.finish(isDurable: isDurable, generation: generation)
        }
    }

    private func finish(isDurable: Bool, generation: Int) {
        let (done, failure, goesOn): ([Commit], EngineError?, Bool) = self.state.withLock { state in
            guard state.generation == generation else { return ([], nil, false) }
            if isDurable, state.failsNextSync {
                state.failsNextSync = false
                state.failure = .failed("sync failed")
            }
            let done = state.underWay
            state.underWay = []
            if state.failure == nil { Self.apply(done.map(\.batch), isDurable, &state) }
            return (done, state.failure, !state.waiting.isEmpty)
        }
        for commit in done { commit.wakeup.resume(returning: failure) }
        if goesOn { self.write() }
    }

    private static func apply(_ batches: [RowBatch], _ isDurable: Bool, _ state: inout State) {
        for batch in batches {
            state.rows.apply(batch)
            state.writtenBytes += batch.writtenBytes
            if let row = batch.newestRow { state.newestRow = row }
        }
        state.unsynced += batches.filter { !state.forgets($0) }
        guard isDurable else { return }
        for batch in state.unsynced { state.durable.apply(batch) }
        state.unsynced = []
        state.syncCount += 1
    }

    /// The next sync fails, and the engine with it, until the machine is restarted.
    package func failNextSync() { self.state.withLock { $0.failsNextSync = true } }

    func crash() {
        let count = self.state.withLock { $0.unsynced.count + $0.underWay.count }
        let survivors = self.simulator.draw { $0.number(in: 0...count) }
        let lost = self.state.withLock { state in
            let lost = (state.underWay + state.waiting).map(\.wakeup)
            for batch in (state.unsynced + state.underWay.map(\.batch)).prefix(survivors)
            where !state.forgets(batch) {
                state.durable.apply(batch)
            }
            state.rows = state.durable
            (state.unsynced, state.waiting, state.underWay) = ([], [], [])
            (state.failure, state.failsNextSync) = (nil, false)
            state.generation += 1
            return lost
        }
        guard !lost.isEmpty else { return }
        self.simulator.cut { for wakeup in lost { wakeup.resume(returning: Self.afterTheEnd) } }
    }

    /// Acknowledges some batches as durable that are not: a rule broken on purpose.
    package func lie(about batches: @escaping @Sendable (RowBatch) -> Bool) {
        self.state.withLock { $0.lies = batches }
    }

    /// Keeps some batches in memory alone until a crash, and acknowledges them: a rule broken on
    /// purpose.
    package func forget(_ batches: @escaping @Sendable (RowBatch) -> Bool) {
        self.state.withLock { $0.forgets = batches }
    }

    /// Turns one bit of the value of a durable row, which the seed picks: of a register, tails
    /// among them, or of the index.
    ///
    /// - Returns: the family; nil if there is no such row.
    package func flipBit() -> RowFamily? {
        let random = self.simulator.draw { SplitMix64(seed: $0.next()) }
        return self.state.withLock { state in
            var random = random
            let families: [[RowFamily]] = [[.rows, .tails], [.rows, .tails], [.partitions]]
            let rows = random.pick(families).flatMap { family in
                state.durable.rows(of: family)
                    .filter { !$0.value.isEmpty }.map { (family: family, key: $0.key) }
            }
            guard !rows.isEmpty else { return nil }
            let (family, key) = random.pick(rows)
            let (index, bit) = (random.next(), random.number(in: 0...7))
            state.durable.flip(family, key, index, bit)
            state.rows.flip(family, key, index, bit)
            return family
        }
    }

    /// Turns one bit of the row of a register that was written last.
    ///
    /// - Returns: false if there is none.
    package func flipBitOfNewestRow() -> Bool {
        let (index, bit) = self.simulator.draw { ($0.next(), $0.number(in: 0...7)) }
        return self.state.withLock { state in
            guard let key = state.newestRow, state.durable.get(.rows, key)?.isEmpty == false else {
                return false
            }
            state.durable.flip(.rows, key, index, bit)
            state.rows.flip(.rows, key, index, bit)
            return true
        }
    }

    /// What the engine would have after a crash now, batches that are not durable left out.
    package var snapshot: Snapshot { self.state.withLock { Snapshot(rows: $0.durable) } }

    /// Puts an earlier state back.
    ///
    /// - Precondition: the machine is down.
    package func restore(_ snapshot: Snapshot) {
        self.state.withLock { state in
            (state.durable, state.rows) = (snapshot.rows, snapshot.rows)
        }
    }

    /// An earlier state.
    package struct Snapshot: Sendable {
        fileprivate let rows: RowTable
    }

    /// Forgets everything: a new engine.
    package func wipe() {
        self.state.withLock { state in
            let generation = state.generation + 1
            state = State()
            state.generation = generation
        }
    }
}

extension RowBatch {
    /// The row of a register that it writes, if it does.
    fileprivate var newestRow: [UInt8]? {
        for case .put(.rows, let key, _) in self.changes { return key }
        return nil
    }

    fileprivate var writtenBytes: Int {
        self.changes.reduce(0) { bytes, change in
            switch change {
            case .put(_, let key, let value): bytes + key.count + value.count
            case .delete(_, let key): bytes + key.count
            }
        }
    }
}

/// What walks over rows cost.
package struct WalkCounts: Hashable, Sendable {
    package var walks = 0
    /// Rows that were shown, read or passed over.
    package var rows = 0
    /// Leaps behind a row to one that is not the next.
    package var seeks = 0

    package init(walks: Int = 0, rows: Int = 0, seeks: Int = 0) {
        (self.walks, self.rows, self.seeks) = (walks, rows, seeks)
    }

    package static func += (left: inout Self, right: Self) {
        left.walks += right.walks
        left.rows += right.rows
        left.seeks += right.seeks
    }

    package static func - (left: Self, right: Self) -> Self {
        Self(
            walks: left.walks - right.walks,
            rows: left.rows - right.rows,
            seeks: left.seeks - right.seeks
        )
    }
}
