import Runtime
import Synchronization

/// Syncs a file for everybody who waits: one sync at a time, and those who arrive while it runs
/// share the next.
///
/// A failed sync is final. The system may drop what it could not write and report success the next
/// time, so that nobody after a failure is ever told "durable".
final class GroupSync: Sendable {
    private enum Turn: Sendable {
        case lead
        case done(DiskError?)
    }

    private struct State {
        var isRunning = false
        var waiting: [Wakeup<Turn>] = []
        var failure: DiskError?
        var count = 0
    }

    let file: any DiskFile
    /// Told of each sync that has succeeded, with the number of writers that it served.
    private let onSync: @Sendable (Int) -> Void
    private let state = Mutex(State())

    init(_ file: any DiskFile, onSync: @escaping @Sendable (Int) -> Void = { _ in }) {
        self.file = file
        self.onSync = onSync
    }

    /// Syncs made.
    var count: Int { self.state.withLock { $0.count } }

    /// Returns once everything that the caller has written is durable.
    func run() async throws(DiskError) {
        let turn = await suspended { (wakeup: Wakeup<Turn>) in
            let turn: Turn? = self.state.withLock { state in
                if let failure = state.failure { return .done(failure) }
                if state.isRunning {
                    state.waiting.append(wakeup)
                    return nil
                }
                state.isRunning = true
                return .lead
            }
            if let turn { wakeup.resume(returning: turn) }
        }
        switch turn {
        case .done(let failure?): throw failure
        case .done(nil): return
        case .lead: try await self.lead()
        }
    }

    /// Syncs for all who wait by now: their writes are done.
    private func lead() async throws(DiskError) {
        let group = self.state.withLock { state in
            state.count += 1
            defer { state.waiting = [] }
            return state.waiting
        }
        var failure: DiskError?
        do throws(DiskError) {
            try await self.file.sync()
            self.onSync(group.count + 1)
        } catch {
            failure = error
        }
        self.finish(group, failure)
        if let failure { throw failure }
    }

    private func finish(_ group: [Wakeup<Turn>], _ failure: DiskError?) {
        let (next, lost) = self.state.withLock { state in
            if let failure {
                state.failure = failure
                state.isRunning = false
                defer { state.waiting = [] }
                return (nil as Wakeup<Turn>?, state.waiting)
            }
            guard !state.waiting.isEmpty else {
                state.isRunning = false
                return (nil, [])
            }
            return (state.waiting.removeFirst(), [])
        }
        for waiter in group + lost { waiter.resume(returning: .done(failure)) }
        next?.resume(returning: .lead)
    }
}
