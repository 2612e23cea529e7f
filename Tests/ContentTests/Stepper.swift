import TestSupport

/// Runs tasks on the calling thread and lets a seed pick which of them goes on.
final class Stepper: TaskExecutor, @unchecked Sendable {
    // Unchecked: all access happens on the one thread that makes it and calls `run`.
    var random: SplitMix64
    private var ready: [UnownedJob] = []

    init(seed: UInt64) { self.random = SplitMix64(seed: seed) }

    func enqueue(_ job: consuming ExecutorJob) { self.ready.append(UnownedJob(job)) }

    func start(_ work: @escaping @Sendable () async -> Void) {
        Task(executorPreference: self) { await work() }
    }

    func run() {
        while !self.ready.isEmpty {
            let pick = Int.random(in: 0..<self.ready.count, using: &self.random)
            let job = self.ready.remove(at: pick)
            unsafe job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }
}
