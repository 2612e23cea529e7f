import Glibc
import Histogram
import Platform
import Synchronization

/// How far a phase goes: it ends with the operations or with the time, whichever comes first.
struct PhaseLimit {
    let clients: Int
    let operations: Int
    let time: Duration
}

/// What the clients of a phase have done.
struct PhaseResult: Sendable {
    /// Times of what succeeded, in microseconds; up to 10 minutes, to three digits.
    var times: Histogram<UInt32>
    /// Operations that were begun, whatever became of them.
    var begun = 0
    var errors: [LoadError] = []
    var errorCount = 0
    /// From the first client's start to the last one's end.
    var seconds = 0.0

    init() {
        self.times = Histogram(
            highestTrackableValue: 600_000_000,
            numberOfSignificantValueDigits: .three
        )
    }

    var done: Int { Int(self.times.totalCount) }

    mutating func record(_ time: Duration) {
        let microseconds = (time / .microseconds(1)).rounded()
        _ = self.times.record(UInt64(min(max(microseconds, 0), 599_000_000)))
    }

    mutating func add(_ error: LoadError) {
        self.errorCount += 1
        if self.errors.count < Phase.errorsMax { self.errors.append(error) }
    }
}

/// Clients that do the same thing at once, each as fast as it can.
struct Phase: Sendable {
    /// Errors whose text is kept; all are counted.
    static let errorsMax = 5

    let origins: [LoadOrigin]
    let identity: LoadIdentity
    let pool: ContentPool
    let seed: UInt64

    /// Runs `operation` with the numbers 0, 1, 2, … until the limit.
    ///
    /// Clients begin together, when all have connected, and are spread over the origins.
    func run(
        _ limit: PhaseLimit,
        _ operation: @escaping @Sendable (LoadClient, Int) throws(LoadError) -> Void
    ) async -> PhaseResult {
        let threads = WorkerThreads(threads: limit.clients)
        let shared = Shared(clients: limit.clients)
        let results = await withTaskGroup(of: Worker.self) { group in
            for number in 0..<limit.clients {
                group.addTask {
                    await threads.run { self.work(number, limit, shared, operation) }
                }
            }
            var results: [Worker] = []
            for await result in group { results.append(result) }
            return results
        }
        await threads.shutdown()
        var total = PhaseResult()
        for result in results {
            total.times.add(result.phase.times)
            total.begun += result.phase.begun
            total.errorCount += result.phase.errorCount
            total.errors += result.phase.errors.prefix(Self.errorsMax - total.errors.count)
        }
        if let first = results.map(\.start).min(), let last = results.map(\.end).max() {
            total.seconds = (last - first) / .seconds(1)
        }
        return total
    }

    private struct Worker: Sendable {
        var phase = PhaseResult()
        var start = ContinuousClock.now
        var end = ContinuousClock.now
    }

    private final class Shared: Sendable {
        let next = Atomic<Int>(0)
        let waiting: Atomic<Int>

        init(clients: Int) { self.waiting = Atomic(clients) }
    }

    private func work(
        _ number: Int,
        _ limit: PhaseLimit,
        _ shared: Shared,
        _ operation: (LoadClient, Int) throws(LoadError) -> Void
    ) -> Worker {
        var worker = Worker()
        let client = LoadClient(
            self.origins[number % self.origins.count],
            self.identity,
            self.pool,
            seed: self.seed &+ UInt64(number)
        )
        // If this fails, so will the first operation, and say so.
        try? client.open()
        shared.waiting.subtract(1, ordering: .acquiringAndReleasing)
        while shared.waiting.load(ordering: .acquiring) > 0 { usleep(100) }
        worker.start = .now
        worker.end = worker.start
        let deadline = worker.start + limit.time
        while worker.end < deadline {
            let index = shared.next.add(1, ordering: .relaxed).oldValue
            if index >= limit.operations { break }
            worker.phase.begun += 1
            let began = worker.end
            do throws(LoadError) {
                try operation(client, index)
                worker.end = .now
                worker.phase.record(worker.end - began)
            } catch {
                worker.end = .now
                worker.phase.add(error)
            }
        }
        return worker
    }
}
