package import Runtime
import Synchronization

/// Why a simulated run has no result.
package enum SimulationError: Error, Hashable, Sendable {
    /// The body waits for something that will never happen: nothing is ready and no timer is left.
    case stuck(atNanoseconds: UInt64)
    /// More steps than the run was given; it probably goes round in circles.
    case tooManySteps(UInt64, atNanoseconds: UInt64)
}

/// Runs tasks on one thread, in an order drawn from a seed, and owns their time.
///
/// Of all jobs that are ready the seed picks the next; when none is, time jumps to the next timer.
/// The same seed and the same code give the same run, step by step, as long as nothing looks at the
/// order of a `Set` or `Dictionary`, at real time, or starts a task other than through ``Doors``.
///
/// For tests of anything that lives behind the doors of `Runtime`:
///
/// ```swift
/// @Test("What was written is there after a crash", arguments: UInt64(0)..<20)
/// func survives(seed: UInt64) throws {
///     try Simulator.run(seed: seed) { simulator in
///         let machine = simulator.machine("a")
///         let store = try await ChunkStore.open(
///             disk: machine.disk, engine: machine.engine, doors: machine.doors)
///         try await store.write(name, chunk)
///         machine.crash()     // Unsynced writes may be lost; tasks of the machine never resume.
///         machine.restart()   // New life, same disk.
///         let again = try await ChunkStore.open(
///             disk: machine.disk, engine: machine.engine, doors: machine.doors)
///         #expect(try await again.chunk(name).header == chunk.header)
///     }
/// }
/// ```
///
/// What is to be cut short by the crash runs inside the machine: `machine.doors.background.run {
/// ... }`, or ``SimulatedMachine/perform(_:)``, which gives nil to the caller when the machine
/// crashes meanwhile.
///
/// The compiler does not see a `try` inside `#expect`: a body in which there is no other does not
/// count as throwing, so write `let rows = try await ...` before the `#expect`.
package final class Simulator: Sendable {
    struct State {
        var random: SplitMix64
        var ready: [(job: UnownedJob, life: Life)] = []
        var alarms = AlarmQueue()
        /// What happens before anything else does.
        var due: [@Sendable () -> Void] = []
        var nanoseconds: UInt64 = 0
        var steps: UInt64 = 0
        var trace = TraceHash()
        /// Tasks that have not ended, by number.
        var tasks: [UInt64: Task<Void, Never>] = [:]
        var tasksStarted: UInt64 = 0
        /// What crashes have cut short: jobs left undone, and those who wait for what never comes.
        var cutJobs: [(job: UnownedJob, life: Life)] = []
        var cutWaits: [@Sendable () -> Void] = []
        /// Whether the run has its result, and its tasks are to end.
        var isOver = false
        var clockTick: UInt64 = 1
    }

    package let seed: UInt64
    let state: Mutex<State>

    package init(seed: UInt64) {
        self.seed = seed
        self.state = Mutex(State(random: SplitMix64(seed: seed)))
    }

    /// Runs `body` to its end and returns what it returns.
    ///
    /// Machines are made by ``machine(_:)``; ``doors()`` gives doors that never crash. Whatever
    /// still runs when `body` ends is left where it is, together with the memory that it holds.
    ///
    /// - Throws: what `body` throws, and ``SimulationError``.
    package static func run<Value: Sendable>(
        seed: UInt64 = 1,
        steps stepsMax: UInt64 = 20_000_000,
        _ body: @escaping @Sendable (Simulator) async throws -> Value
    ) throws -> Value {
        let simulator = Simulator(seed: seed)
        defer { simulator.drop() }
        return try simulator.run(steps: stepsMax) { try await body(simulator) }
    }

    /// Runs `body` on a life of its own until it ends, together with all that is ready meanwhile.
    package func run<Value: Sendable>(
        steps stepsMax: UInt64 = 20_000_000,
        _ body: @escaping @Sendable () async throws -> Value
    ) throws -> Value {
        let end = Ending<Value>()
        Life(self).run {
            do {
                let value = try await body()
                end.put(.success(value))
            } catch { end.put(.failure(error)) }
        }
        let last = self.steps + stepsMax
        while true {
            if end.isHere.load(ordering: .acquiring), let result = end.result.withLock({ $0 }) {
                return try result.get()
            }
            guard let count = self.step() else {
                throw SimulationError.stuck(atNanoseconds: self.nanoseconds)
            }
            guard count < last else {
                throw SimulationError.tooManySteps(stepsMax, atNanoseconds: self.nanoseconds)
            }
        }
    }

    /// Runs one ready job, or fires the next timer.
    ///
    /// - Returns: the number of the step; nil if there is neither.
    func step() -> UInt64? {
        enum Step {
            case job(UnownedJob, Life)
            case alarm(Alarm)
            case due(@Sendable () -> Void)
            case none
        }
        let (step, number): (Step, UInt64) = self.state.withLock { state in
            state.steps += 1
            if let due = state.due.popLast() { return (.due(due), state.steps) }
            while !state.ready.isEmpty {
                let index = Int(state.random.next() % UInt64(state.ready.count))
                state.ready.swapAt(index, state.ready.count - 1)
                guard let (job, life) = state.ready.popLast() else { break }
                state.trace.add(UInt64(index) << 32 | UInt64(state.ready.count))
                switch state.isOver ? .now : life.admission(of: job) {
                case .now: return (.job(job, life), state.steps)
                case .later: continue
                case .never: state.cutJobs.append((job, life))
                }
            }
            guard let (time, alarm) = state.alarms.next() else { return (.none, state.steps) }
            state.nanoseconds = max(state.nanoseconds, time)
            state.trace.add(state.nanoseconds)
            return (.alarm(alarm), state.steps)
        }
        switch step {
        case .job(let job, let life): unsafe job.runSynchronously(on: life.asUnownedTaskExecutor())
        case .alarm(let alarm): alarm.goOff()
        case .due(let action): action()
        case .none: return nil
        }
        return number
    }

    /// Forgets all that is waiting.
    ///
    /// Tasks that have not ended keep the memory that they hold; see ``unwind(steps:)``.
    package func drop() {
        // Let go of outside the lock: what goes may come back here.
        let dropped = self.state.withLock { state in
            defer {
                state.ready = []
                state.alarms = AlarmQueue()
                state.tasks = [:]
                (state.cutJobs, state.cutWaits) = ([], [])
            }
            return state
        }
        _ = consume dropped
    }

    func enqueue(_ job: UnownedJob, of life: Life) {
        self.state.withLock { state in
            let (isAlive, due) = life.noteJob()
            if let due { state.due.append(due) }
            // What a crashed machine would do next is left undone, for as long as the run goes on.
            if isAlive || state.isOver {
                state.ready.append((job, life))
            } else {
                state.cutJobs.append((job, life))
            }
        }
    }

    /// Has `alarm` go off after `delay`, in nanoseconds.
    func set(_ alarm: Alarm, after delay: UInt64) {
        self.state.withLock { state in
            state.alarms.add(alarm, at: state.nanoseconds + delay)
        }
    }

    /// Does something later, on no task and no machine.
    package func after(_ delay: Duration, _ action: @escaping @Sendable () -> Void) {
        self.set(Alarm(action), after: delay.wholeNanoseconds)
    }
}

/// Where the result of a run is left.
private final class Ending<Value: Sendable>: Sendable {
    let result = Mutex<Result<Value, any Error>?>(nil)
    /// Looked at after each step, which a lock would make slower.
    let isHere = Atomic(false)

    func put(_ result: Result<Value, any Error>) {
        self.result.withLock { $0 = result }
        self.isHere.store(true, ordering: .releasing)
    }
}

extension Simulator {
    /// Virtual time since the start.
    package var nanoseconds: UInt64 { self.state.withLock { $0.nanoseconds } }

    /// Microseconds between two ticks of all wall clocks.
    package var clockTick: UInt64 {
        get { self.state.withLock { $0.clockTick } }
        set { self.state.withLock { $0.clockTick = newValue } }
    }

    package var steps: UInt64 { self.state.withLock { $0.steps } }

    /// Tells one run from another: a hash of every choice, every jump of time, every noted event.
    package var traceHash: UInt64 { self.state.withLock { $0.trace.value } }

    /// Makes an event part of the trace.
    package func note(_ event: UInt64) { self.state.withLock { $0.trace.add(event) } }

    /// Makes a line of text part of the trace.
    package func note(_ text: String) { self.state.withLock { $0.trace.add(text) } }

    /// Draws from the run's own random numbers.
    package func draw<Value>(_ body: (inout SplitMix64) -> Value) -> Value {
        self.state.withLock { body(&$0.random) }
    }

    /// Waits in virtual time; returns early if the task is cancelled.
    package func sleep(nanoseconds delay: UInt64) async {
        if self.isOver {
            // In line with all others: so loops end that heed nothing but the time.
            return await suspended { (wakeup: Wakeup<Void>) in
                self.set(Alarm { wakeup.resume() }, after: delay)
            }
        }
        if Task.isCancelled { return }
        let alarm = Alarm()
        await withTaskCancellationHandler {
            await suspended { (wakeup: Wakeup<Void>) in
                alarm.arm { wakeup.resume() }
                self.set(alarm, after: delay)
            }
        } onCancel: {
            alarm.goOff()
        }
    }

    /// Waits some microseconds, as many as the seed says.
    func dawdle(microseconds range: ClosedRange<Int>) async {
        let delay = self.draw { $0.number(in: range) }
        await self.sleep(nanoseconds: UInt64(delay) * 1_000)
    }

    /// Doors for what is no machine and cannot crash: clients, the test itself.
    package func doors(skewMicroseconds: Int64 = 0) -> Doors {
        self.doors(of: Life(self), skewMicroseconds: skewMicroseconds)
    }

    func doors(of life: Life, skewMicroseconds: Int64) -> Doors {
        Doors(
            time: SimulatedTime(simulator: self, skewMicroseconds: skewMicroseconds),
            random: SimulatedRandom(seed: self.draw { $0.next() }),
            background: life,
            workers: InlineWorkers()
        )
    }

    /// A machine with an empty disk, switched on.
    package func machine(
        _ name: String,
        disk: SimulatedDisk.Settings = .init()
    ) -> SimulatedMachine {
        SimulatedMachine(name: name, simulator: self, disk: disk)
    }
}

extension Duration {
    /// Never negative, and short enough to be added to any time of a run.
    var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = self.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(min(seconds, 1 << 32)) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}
