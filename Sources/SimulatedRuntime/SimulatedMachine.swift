package import Runtime
import Synchronization

/// One machine: a disk, an engine for rows, and doors that end with a crash.
package final class SimulatedMachine: Sendable {
    private struct State {
        var life: Life
        var doors: Doors
        var visitors: [Int: @Sendable () -> Void] = [:]
        var visits = 0
        var crashes = 0
    }

    package let name: String
    package let disk: SimulatedDisk
    package let engine: SimulatedEngine
    private let simulator: Simulator
    private let state: Mutex<State>
    private let rare = RareSteps()

    init(name: String, simulator: Simulator, disk: SimulatedDisk.Settings) {
        let life = Life(simulator)
        self.name = name
        self.simulator = simulator
        self.disk = SimulatedDisk(simulator, disk)
        self.engine = SimulatedEngine(simulator)
        var doors = simulator.doors(of: life, skewMicroseconds: 0)
        doors.rare = self.rare.door
        self.state = Mutex(State(life: life, doors: doors))
    }

    /// The doors of the present life.
    ///
    /// They are other ones after ``restart(skewMicroseconds:)``.
    package var doors: Doors { self.state.withLock { $0.doors } }

    /// Has `rare` be asked before each rare step of what runs on the machine, in all its lives.
    ///
    /// Nil to hold nothing up any more, and to let go of whoever was asked.
    ///
    /// What runs there already is asked from its next step on.
    package func holdUp(_ rare: (@Sendable (RareStep) async -> Void)?) {
        let asked = rare.map { RareSteps.Asked(reach: $0) }
        self.rare.asked.withLock { $0 = asked }
    }

    package var life: Life { self.state.withLock { $0.life } }

    package var isUp: Bool { self.life.isAlive }

    package var crashes: Int { self.state.withLock { $0.crashes } }

    /// Pulls the plug.
    ///
    /// No task of this life ever resumes; of what was written but not synced, the seed says what is
    /// left. Does nothing to a machine that is down.
    package func crash() {
        guard self.isUp else { return }
        let visitors = self.state.withLock { state in
            state.life.end()
            state.crashes += 1
            defer { state.visitors = [:] }
            return state.visitors.sorted { $0.key < $1.key }.map(\.value)
        }
        self.disk.crash()
        self.engine.crash()
        for leave in visitors { leave() }
    }

    /// Pulls the plug before the `count`-th job from now on runs: every `await` that does not go on
    /// at once is such a moment.
    package func crash(beforeJob count: Int) {
        self.life.interrupt(beforeJob: count) { self.crash() }
    }

    /// Jobs of the present life that have become ready.
    package var jobs: Int { self.life.jobs }

    /// Stops all tasks of the machine for a while, as if it were suspended.
    ///
    /// Timers go off and messages arrive meanwhile; what they lead to happens afterwards.
    package func pause(for duration: Duration) {
        let life = self.life
        life.pause()
        self.simulator.after(duration) { life.resume() }
    }

    /// Switches the machine on again, with what its disk and its engine still have.
    ///
    /// Precondition: it has crashed.
    package func restart(skewMicroseconds: Int64 = 0) {
        precondition(!self.isUp, "\(self.name) is running.")
        let life = Life(self.simulator)
        let doors = self.simulator.doors(of: life, skewMicroseconds: skewMicroseconds)
        self.state.withLock { state in
            state.life = life
            state.doors = doors
            state.doors.rare = self.rare.door
        }
    }

    /// Has the machine do `work`.
    ///
    /// - Returns: nil if it is down or crashes before the work is done.
    package func perform<Value: Sendable>(
        _ work: @escaping @Sendable () async -> Value
    ) async -> Value? {
        guard self.isUp else { return nil }
        let life = self.life
        return await suspended { (wakeup: Wakeup<Value?>) in
            let end = Once { wakeup.resume(returning: $0) }
            let visit = self.state.withLock { state in
                state.visits += 1
                state.visitors[state.visits] = { end.call(nil) }
                return state.visits
            }
            life.run {
                let value = await work()
                self.state.withLock { $0.visitors[visit] = nil }
                end.call(value)
            }
        }
    }
}

/// Passes rare steps on to whoever is to be asked, for as long as somebody is: what runs on a
/// machine keeps its doors, and must not keep the run by them.
private final class RareSteps: Sendable {
    /// In a struct of its own: a bare function in a `Mutex` is wrapped once more by each look.
    struct Asked {
        let reach: @Sendable (RareStep) async -> Void
    }

    let asked = Mutex<Asked?>(nil)

    var door: @Sendable (RareStep) async -> Void {
        { step in await self.asked.withLock { $0 }?.reach(step) }
    }
}

/// Passes on the first value it is given.
final class Once<Value: Sendable>: Sendable {
    private let action: Mutex<(@Sendable (Value) -> Void)?>

    init(_ action: @escaping @Sendable (Value) -> Void) { self.action = Mutex(action) }

    /// True if this was the first value.
    @discardableResult
    func call(_ value: Value) -> Bool {
        let action = self.action.withLock { action in
            defer { action = nil }
            return action
        }
        action?(value)
        return action != nil
    }
}
