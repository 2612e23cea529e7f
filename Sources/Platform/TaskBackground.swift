import Runtime
import Synchronization

/// Work that goes on after its caller has the answer, remembered until it is done.
package final class TaskBackground: Background {
    private struct State {
        var next: UInt64 = 0
        var running: [UInt64: Task<Void, Never>] = [:]
        var waiting: [Wakeup<Void>] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Number of works that have not returned.
    package var count: Int { self.state.withLock { $0.running.count } }

    @discardableResult
    package func run(_ work: @escaping @Sendable () async -> Void) -> Task<Void, Never>? {
        self.state.withLock { state in
            let id = state.next
            state.next += 1
            // Unstructured: this is the door through which work leaves its caller. It cannot be
            // gone before it is entered here, because leaving takes the same lock.
            let task = Task {
                await work()
                self.leave(id)
            }
            state.running[id] = task
            return task
        }
    }

    private func leave(_ id: UInt64) {
        let waiting: [Wakeup<Void>] = self.state.withLock { state in
            state.running[id] = nil
            guard state.running.isEmpty else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiter in waiting { waiter.resume() }
    }

    /// Cancels everything that runs now.
    package func cancel() {
        for task in self.state.withLock({ Array($0.running.values) }) { task.cancel() }
    }

    /// Waits until nothing runs, at most `patience`; then cancels what is left and waits as long
    /// again.
    ///
    /// - Returns: how many works still run.
    package func finish(within patience: Duration) async -> Int {
        await self.wait(patience)
        if self.count > 0 {
            self.cancel()
            await self.wait(patience)
        }
        return self.count
    }

    private func wait(_ patience: Duration) async {
        let alarm = Task {
            try? await Task.sleep(for: patience)
            self.wakeAll()
        }
        await suspended { (wakeup: Wakeup<Void>) in
            let isIdle = self.state.withLock { state in
                if !state.running.isEmpty { state.waiting.append(wakeup) }
                return state.running.isEmpty
            }
            if isIdle { wakeup.resume() }
        }
        alarm.cancel()
    }

    private func wakeAll() {
        let waiting = self.state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiter in waiting { waiter.resume() }
    }
}
