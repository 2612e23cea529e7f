import Runtime
import Synchronization

/// The tasks of one machine from its start to its crash.
///
/// All jobs of these tasks go to the simulator's one queue. After the crash none of them runs again
/// as long as the run goes on: whatever a task was waiting for, it does not return from it. While
/// the life is paused its jobs wait, though time goes on.
package final class Life: TaskExecutor, Background {
    private struct State {
        var isAlive = true
        var isPaused = false
        /// Jobs that became ready during the pause.
        var parked: [UnownedJob] = []
        /// Jobs that have become ready: one for each start of a task and for each end of a wait.
        var jobs = 0
        /// What is to happen before one of them runs.
        var interruption: (job: Int, action: @Sendable () -> Void)?
    }

    private let simulator: Simulator
    private let state = Mutex(State())

    init(_ simulator: Simulator) { self.simulator = simulator }

    package var isAlive: Bool { self.state.withLock { $0.isAlive } }

    /// Ends it.
    ///
    /// Everything in the middle of something stays there.
    func end() {
        let parked = self.state.withLock { state in
            state.isAlive = false
            defer { state.parked = [] }
            return state.parked
        }
        self.simulator.cut(parked, of: self)
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        self.simulator.enqueue(UnownedJob(job), of: self)
    }

    @discardableResult
    package func run(_ work: @escaping @Sendable () async -> Void) -> Task<Void, Never>? {
        // When the run is over, somebody who is to end may wait for what this does.
        guard self.isAlive || self.simulator.isOver else { return nil }
        return self.simulator.start(work, on: self)
    }

    var jobs: Int { self.state.withLock { $0.jobs } }

    /// Has `action` happen before the `count`-th job from now on runs.
    func interrupt(beforeJob count: Int, _ action: @escaping @Sendable () -> Void) {
        self.state.withLock { $0.interruption = ($0.jobs + count, action) }
    }

    /// Counts a job that has become ready.
    ///
    /// - Returns: whether it may run one day, and what has to happen first.
    func noteJob() -> (isAlive: Bool, due: (@Sendable () -> Void)?) {
        self.state.withLock { state in
            state.jobs += 1
            guard let next = state.interruption, next.job <= state.jobs else {
                return (state.isAlive, nil)
            }
            state.interruption = nil
            return (state.isAlive, next.action)
        }
    }

    enum Admission { case now, later, never }

    /// Whether the job may run.
    ///
    /// If so, but later, it is kept here until the pause ends.
    func admission(of job: UnownedJob) -> Admission {
        self.state.withLock { state in
            guard state.isAlive else { return .never }
            guard state.isPaused else { return .now }
            state.parked.append(job)
            return .later
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
