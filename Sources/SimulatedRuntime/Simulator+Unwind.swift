import Synchronization

/// The end of a run: a task lets go of what it holds only when it returns, so that all have to.
extension Simulator {
    /// Whether the run has its result, and its tasks are to end.
    var isOver: Bool { self.state.withLock { $0.isOver } }

    /// Has all tasks end, also those that crashes have stopped in the middle of something.
    ///
    /// They are cancelled, and go on from where they were; from now on disks and engines fail,
    /// calls are cancelled, and time passes. Nothing of this belongs to the run: note its result
    /// before.
    ///
    /// - Parameter stepsMax: after so many steps, tasks that go round in circles are left alone.
    /// - Returns: tasks that have not ended. What they hold stays in memory.
    package func unwind(steps stepsMax: UInt64 = 2_000_000) -> Int {
        let tasks = self.state.withLock { state in
            state.isOver = true
            return state.tasks.sorted { $0.key < $1.key }.map(\.value)
        }
        for task in tasks { task.cancel() }
        let waits = self.state.withLock { state in
            state.ready += state.cutJobs
            defer { (state.cutJobs, state.cutWaits) = ([], []) }
            return state.cutWaits
        }
        for resume in waits { resume() }
        let last = self.steps + stepsMax
        while self.tasksLeft > 0, let step = self.step(), step < last {}
        defer { self.drop() }
        return self.tasksLeft
    }

    private var tasksLeft: Int { self.state.withLock { $0.tasks.count } }

    /// Starts a task, and remembers it until it has ended.
    func start(_ work: @escaping @Sendable () async -> Void, on life: Life) -> Task<Void, Never> {
        let (number, isOver) = self.state.withLock { state in
            state.tasksStarted += 1
            return (state.tasksStarted, state.isOver)
        }
        let task = Task(executorPreference: life) {
            await work()
            _ = self.state.withLock { $0.tasks.removeValue(forKey: number) }
        }
        self.state.withLock { $0.tasks[number] = task }
        if isOver { task.cancel() }
        return task
    }

    /// Keeps jobs that a crash leaves undone.
    func cut(_ jobs: [UnownedJob], of life: Life) {
        self.state.withLock { $0.cutJobs += jobs.map { ($0, life) } }
    }

    /// Keeps the means to wake somebody who waits for what never comes.
    func cut(_ resume: @escaping @Sendable () -> Void) {
        self.state.withLock { $0.cutWaits.append(resume) }
    }
}
