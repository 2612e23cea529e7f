import TestSupport

/// Runs every task on the calling thread, in an order drawn from a seed.
///
/// Time is virtual: it jumps from one timer to the next when nothing else is left to do.
final class SeededExecutor: TaskExecutor, @unchecked Sendable {
    // Unchecked: all access happens on the one thread that makes the executor and calls `run`.
    var random: SplitMix64
    private(set) var nanoseconds: UInt64 = 0
    private(set) var steps = 0
    private var ready: [UnownedJob] = []
    /// In order of time, latest first.
    private var timers: [(due: UInt64, action: () -> Void)] = []

    init(seed: UInt64) { self.random = SplitMix64(seed: seed) }

    func enqueue(_ job: consuming ExecutorJob) { self.ready.append(UnownedJob(job)) }

    func start(_ work: @escaping @Sendable () async -> Void) {
        Task(executorPreference: self) { await work() }
    }

    func schedule(after delay: Duration, _ action: @escaping () -> Void) {
        let due = self.nanoseconds + UInt64(delay / .nanoseconds(1))
        let place = self.timers.lastIndex { $0.due > due }.map { $0 + 1 } ?? 0
        self.timers.insert((due: due, action: action), at: place)
    }

    /// Runs until `isDone`, or until nothing can happen any more.
    func run(until isDone: () -> Bool) {
        while !isDone() {
            self.steps += 1
            precondition(self.steps < 5_000_000, "The run does not end.")
            if !self.ready.isEmpty {
                let pick = Int.random(in: 0..<self.ready.count, using: &self.random)
                let job = self.ready.remove(at: pick)
                unsafe job.runSynchronously(on: self.asUnownedTaskExecutor())
            } else if let timer = self.timers.popLast() {
                self.nanoseconds = max(self.nanoseconds, timer.due)
                timer.action()
            } else {
                return
            }
        }
    }
}
