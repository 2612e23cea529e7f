import NIOPosix
package import Runtime
import Synchronization

/// The engine that production runs on: RocksDB through its C interface.
///
/// Everything that waits to be committed is written by one thread as one batch, with one sync of
/// the log if anybody wants it durable: those who arrive while a sync runs share the next. A row
/// that memory knows is answered on the caller's thread in microseconds; only when a file must be
/// read does the call move to a reader thread, and so do scans.
///
/// After a failed write, or any damage found, the engine refuses everything: nobody knows what is
/// on disk.
/// Source: docs/decisions/0002-metadata-engine.md.
package final class RocksEngine: KeyValueEngine {
    fileprivate static let closed = EngineError.failed("closed")
    /// Most batches in one write.
    private static let groupBatchesMax = 1_024

    fileprivate struct Waiter {
        let batch: RowBatch
        let isDurable: Bool
        let wakeup: Wakeup<EngineError?>
    }

    fileprivate struct State {
        var waiting: [Waiter] = []
        var isWriterScheduled = false
        var failure: EngineError?
        var syncCount = 0
        /// Calls that may touch the database right now.
        var callCount = 0
        var closing: Wakeup<Void>?
    }

    private let database: RocksDatabase
    private let writer: NIOThreadPool
    private let readers: NIOThreadPool
    private let budget: ByteBudget
    /// Told of each sync of the log, with the number of durable commits that it served.
    private let onSync: @Sendable (Int) -> Void
    private let state = Mutex(State())

    /// Opens the engine in a directory of its own; creates it if it is missing.
    ///
    /// Blocks the thread. `onSync` is told of each sync of the log, with the number of durable
    /// commits that it served.
    ///
    /// - Throws: ``EngineError/failed(_:)`` if another process has it open, or if it is damaged.
    package init(
        path: String,
        settings: RocksSettings = RocksSettings(),
        onSync: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws(EngineError) {
        self.database = try RocksDatabase(path: path, settings: settings)
        self.writer = NIOThreadPool(numberOfThreads: 1)
        self.readers = NIOThreadPool(numberOfThreads: settings.readerCount)
        self.budget = ByteBudget(bytes: settings.waitingBytesMax)
        self.onSync = onSync
        self.writer.start()
        self.readers.start()
    }

    /// Who forgets to close leaves nothing behind, but waits here for the database's own threads.
    deinit {
        guard self.state.withLock({ $0.failure != Self.closed }) else { return }
        self.database.close()
        self.readers.shutdownGracefully { _ in }
        self.writer.shutdownGracefully { _ in }
    }

    package var syncCount: Int { self.state.withLock { $0.syncCount } }

    /// Commits that no write has taken up yet.
    package var waitingCount: Int { self.state.withLock { $0.waiting.count } }

    package func get(
        _ family: RowFamily,
        _ key: [UInt8]
    ) async throws(EngineError) -> [UInt8]? {
        try self.enter()
        defer { self.leave() }
        do throws(EngineError) {
            switch try self.database.cached(family, key) {
            case .known(let value): return value
            case .notInMemory: break
            }
            let database = self.database
            return try await Self.run(on: self.readers) { () throws(EngineError) in
                try database.get(family, key)
            }
        } catch {
            throw self.failed(error)
        }
    }

    package func walk<State: Sendable>(
        _ family: RowFamily,
        from start: [UInt8],
        to end: [UInt8]?,
        _ state: State,
        visit: @escaping @Sendable (inout State, RawSpan, RawSpan) -> WalkStep
    ) async throws(EngineError) -> State {
        try self.enter()
        defer { self.leave() }
        // Seeking with the end before the start is an error to RocksDB.
        if let end, !start.lexicographicallyPrecedes(end) { return state }
        let database = self.database
        do throws(EngineError) {
            return try await Self.run(on: self.readers) { () throws(EngineError) in
                var state = state
                try database.walk(family, from: start, to: end) { visit(&state, $0, $1) }
                return state
            }
        } catch {
            throw self.failed(error)
        }
    }

    package func commit(_ batch: RowBatch, durable: Bool) async throws(EngineError) {
        try self.enter()
        defer { self.leave() }
        let bytes = min(batch.byteCount, self.budget.total)
        await self.budget.take(bytes)
        defer { self.budget.release(bytes) }
        let failure = await suspended { (wakeup: Wakeup<EngineError?>) in
            let mustSchedule = self.state.withLock { state in
                state.waiting.append(Waiter(batch: batch, isDurable: durable, wakeup: wakeup))
                defer { state.isWriterScheduled = true }
                return !state.isWriterScheduled
            }
            // Not cancelled before `close` has seen every call leave.
            if mustSchedule { self.writer.submit { _ in self.writeWaiting() } }
        }
        if let failure { throw failure }
    }

    /// Waits for the calls under way, then closes the database.
    ///
    /// Later calls fail.
    package func close() async {
        let isFirst = self.state.withLock { state in
            defer { state.failure = Self.closed }
            return state.failure != Self.closed
        }
        guard isFirst else { return }
        await suspended { (wakeup: Wakeup<Void>) in
            let isQuiet = self.state.withLock { state in
                if state.callCount > 0 { state.closing = wakeup }
                return state.callCount == 0
            }
            if isQuiet { wakeup.resume() }
        }
        let database = self.database
        await suspended { (wakeup: Wakeup<Void>) in
            self.writer.submit { _ in
                database.close()
                wakeup.resume()
            }
        }
        try? await self.readers.shutdownGracefully()
        try? await self.writer.shutdownGracefully()
    }
}

extension RocksEngine {
    /// The writer thread: writes what waits, until nothing does.
    private func writeWaiting() {
        while true {
            let (group, failure) = self.state.withLock { state in
                let count = min(state.waiting.count, Self.groupBatchesMax)
                let group = Array(state.waiting.prefix(count))
                state.waiting.removeFirst(count)
                if group.isEmpty { state.isWriterScheduled = false }
                return (group, state.isBroken ? state.failure : nil)
            }
            if group.isEmpty { return }
            let error = failure ?? self.write(group)
            for waiter in group { waiter.wakeup.resume(returning: error) }
        }
    }

    private func write(_ group: [Waiter]) -> EngineError? {
        let durableCount = group.count { $0.isDurable }
        do throws(EngineError) {
            if durableCount > 0 { self.state.withLock { $0.syncCount += 1 } }
            try self.database.write(group.map(\.batch), durable: durableCount > 0)
            if durableCount > 0 { self.onSync(durableCount) }
            return nil
        } catch {
            return self.failed(error)
        }
    }

    private func enter() throws(EngineError) {
        let failure: EngineError? = self.state.withLock { state in
            if state.failure == nil { state.callCount += 1 }
            return state.failure
        }
        if let failure { throw failure }
    }

    private func leave() {
        let closing: Wakeup<Void>? = self.state.withLock { state in
            state.callCount -= 1
            guard state.callCount == 0 else { return nil }
            defer { state.closing = nil }
            return state.closing
        }
        closing?.resume()
    }

    /// Takes the engine out of service unless only space is missing.
    private func failed(_ error: EngineError) -> EngineError {
        if error != .full {
            self.state.withLock { state in state.failure = state.failure ?? error }
        }
        return error
    }

    private static func run<Value: Sendable>(
        on pool: NIOThreadPool,
        _ work: @escaping @Sendable () throws(EngineError) -> Value
    ) async throws(EngineError) -> Value {
        let result = await suspended { (wakeup: Wakeup<Result<Value, EngineError>>) in
            pool.submit { _ in
                do throws(EngineError) {
                    wakeup.resume(returning: .success(try work()))
                } catch {
                    wakeup.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }
}

extension RocksEngine.State {
    /// Closing lets the calls under way finish; a failure does not.
    fileprivate var isBroken: Bool { self.failure != nil && self.failure != RocksEngine.closed }
}

extension RowBatch {
    /// Bytes that the batch takes, roughly.
    var byteCount: Int {
        self.changes.reduce(0) { bytes, change in
            switch change {
            case .put(_, let key, let value): bytes + key.count + value.count + 32
            case .delete(_, let key): bytes + key.count + 32
            }
        }
    }
}
