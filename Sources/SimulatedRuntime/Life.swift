import Runtime
import Synchronization

/// The tasks of one machine from its start to its crash.
///
/// All jobs of these tasks go to the simulator's one queue. After the crash none of them ever runs
/// again: whatever a task was waiting for, it does not return from it.
package final class Life: TaskExecutor, Background {
    private let simulator: Simulator
    private let alive = Mutex(true)

    init(_ simulator: Simulator) { self.simulator = simulator }

    package var isAlive: Bool { self.alive.withLock { $0 } }

    /// Ends it.
    ///
    /// Everything in the middle of something stays there.
    func end() { self.alive.withLock { $0 = false } }

    package func enqueue(_ job: consuming ExecutorJob) {
        self.simulator.enqueue(UnownedJob(job), of: self)
    }

    package func run(_ work: @escaping @Sendable () async -> Void) {
        guard self.isAlive else { return }
        Task(executorPreference: self) { await work() }
    }
}
