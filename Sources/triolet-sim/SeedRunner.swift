import Simulation
import Synchronization

/// Runs seeds one after another, several at once.
///
/// Each run is a world of its own on one thread; nothing is shared between them.
struct SeedRunner: Sendable {
    private struct State {
        var next: UInt64
        /// From here on no run is begun any more.
        var end: UInt64
    }

    /// Runs at once.
    let jobs: Int
    let from: UInt64
    /// Nil for as many as there is time for.
    let seeds: UInt64?
    let deadline: ContinuousClock.Instant?

    init(jobs: Int, from: UInt64, seeds: UInt64?, minutes: Double? = nil) {
        self.jobs = jobs
        self.from = from
        self.seeds = seeds
        self.deadline = minutes.map { ContinuousClock().now + .seconds($0 * 60) }
    }

    /// Calls `body` for each seed, in order of the seeds, from several tasks at once.
    ///
    /// When it returns false no higher seed is begun; those that are under way go on to their end.
    func run(_ body: @escaping @Sendable (UInt64) -> Bool) async {
        let end = self.seeds.map { self.from + $0 } ?? .max
        let state = Shared(State(next: self.from, end: end))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<self.jobs {
                group.addTask {
                    while let seed = self.take(state) {
                        if !body(seed) {
                            state.value.withLock { $0.end = min($0.end, seed) }
                        }
                    }
                }
            }
        }
    }

    private func take(_ state: Shared<State>) -> UInt64? {
        if let deadline = self.deadline, ContinuousClock().now >= deadline { return nil }
        return state.value.withLock { state in
            guard state.next < state.end else { return nil }
            state.next += 1
            return state.next - 1
        }
    }
}

/// A value that tasks share.
final class Shared<Value: Sendable>: Sendable {
    let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    var current: Value { self.value.withLock { $0 } }
}
