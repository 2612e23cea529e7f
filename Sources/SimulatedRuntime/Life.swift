import Runtime
import Synchronization

/// The tasks of one machine from its start to its crash.
///
/// All jobs of these tasks go to the simulator's one queue. After the crash none of them ever runs
/// again: whatever a task was waiting for, it does not return from it. While the life is paused its
/// jobs wait, though time goes on.
package final class Life: TaskExecutor, Background {
    private struct State {
        var isAlive = true
        var isPaused = false
        /// Jobs that became ready during the pause.
        var parked: [UnownedJob] = []
    }

    private let simulator: Simulator
    private let state = Mutex(State())

    init(_ simulator: Simulator) { self.simulator = simulator }

    package var isAlive: Bool { self.state.withLock { $0.isAlive } }

    /// Ends it.
    ///
    /// Everything in the middle of something stays there.
    func end() {
        self.state.withLock { state in
            state.isAlive = false
            state.parked = []
        }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        self.simulator.enqueue(UnownedJob(job), of: self)
    }

    package func run(_ work: @escaping @Sendable () async -> Void) {
        guard self.isAlive else { return }
        Task(executorPreference: self) { await work() }
    }

    /// Whether the job may run now.
    ///
    /// If not it is kept until the pause ends, or for ever.
    func admits(_ job: UnownedJob) -> Bool {
        self.state.withLock { state in
            guard state.isAlive else { return false }
            guard state.isPaused else { return true }
            state.parked.append(job)
            return false
        }
    }

    func pause() { self.state.withLock { $0.isPaused = true } }

    func resume() {
        let jobs = self.state.withLock { state in
            state.isPaused = false
            defer { state.parked = [] }
            return state.parked
        }
        for job in jobs { self.simulator.enqueue(job, of: self) }
    }
}
