import Runtime
import SimulatedRuntime
import Synchronization
import Testing

struct SimulatorTests {
    actor Diary {
        var lines: [String] = []

        func write(_ line: String) { self.lines.append(line) }
    }

    /// Some tasks of every kind that take turns: actors, groups, `async let`, streams, timers.
    private static func mingle(_ simulator: Simulator) async throws -> [String] {
        let diary = Diary()
        let doors = simulator.doors()
        let (stream, inbox) = AsyncStream.makeStream(of: Int.self)
        for number in 0..<5 {
            doors.background.run {
                await doors.time.sleep(for: .milliseconds(Int(doors.random.next() % 5)))
                await diary.write("background \(number)")
                inbox.yield(number)
            }
        }
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<5 {
                group.addTask {
                    for step in 0..<3 { await diary.write("child \(number) step \(step)") }
                }
            }
        }
        async let one: Void = diary.write("one")
        async let two: Void = diary.write("two")
        _ = await (one, two)
        var arrived = 0
        for await number in stream {
            await diary.write("heard of \(number)")
            arrived += 1
            if arrived == 5 { break }
        }
        return await diary.lines
    }

    @Test("The same seed gives the same run, step by step", arguments: UInt64(0)..<20)
    func replays(seed: UInt64) throws {
        func once() throws -> ([String], UInt64, UInt64) {
            let simulator = Simulator(seed: seed)
            let lines = try simulator.run { try await Self.mingle(simulator) }
            return (lines, simulator.traceHash, simulator.steps)
        }
        let (first, second) = (try once(), try once())
        #expect(first.0 == second.0)
        #expect(first.1 == second.1)
        #expect(first.2 == second.2)
    }

    @Test("Different seeds give different orders")
    func ordersDiffer() throws {
        let orders = try (UInt64(0)..<20).map { seed in
            try Simulator.run(seed: seed) { try await Self.mingle($0) }
        }
        #expect(Set(orders).count > 15)
    }

    @Test("Time stands still while there is work, and jumps to the next timer")
    func timeJumps() throws {
        try Simulator.run { simulator in
            let time = simulator.doors().time
            let wall = time.wallMicroseconds
            await time.sleep(for: .seconds(3_600))
            #expect(time.nanoseconds == 3_600_000_000_000)
            #expect(time.wallMicroseconds == wall + 3_600_000_000)
        }
    }

    @Test("A cancelled task does not sleep on, and its timer does not hold time up")
    func cancelledSleep() throws {
        let simulator = Simulator(seed: 1)
        try simulator.run {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await simulator.doors().time.sleep(for: .seconds(100)) }
                await simulator.doors().time.sleep(for: .seconds(1))
                group.cancelAll()
            }
            #expect(simulator.nanoseconds == 1_000_000_000)
            await simulator.doors().time.sleep(for: .seconds(200))
            #expect(simulator.nanoseconds == 201_000_000_000)
        }
    }

    @Test("A body that waits for nothing is reported, with the time")
    func stuck() {
        #expect(throws: SimulationError.stuck(atNanoseconds: 5_000_000)) {
            try Simulator.run { simulator in
                await simulator.doors().time.sleep(for: .milliseconds(5))
                await suspended { (_: Wakeup<Void>) in }
            }
        }
    }

    @Test("A body that goes round in circles is reported")
    func circles() {
        #expect(throws: SimulationError.self) {
            try Simulator.run(steps: 1_000) { simulator in
                while true { await simulator.doors().time.sleep(for: .milliseconds(5)) }
            }
        }
    }

    @Test("What the body throws comes out")
    func throwing() {
        struct Oops: Error {}
        #expect(throws: Oops.self) { try Simulator.run { _ in throw Oops() } }
    }
}

struct SimulatedMachineTests {
    @Test("No task of a crashed machine ever resumes", arguments: UInt64(0)..<20)
    func crashStopsTasks(seed: UInt64) throws {
        try Simulator.run(seed: seed) { simulator in
            let machine = simulator.machine("a")
            let doors = machine.doors
            let counter = Counter()
            for _ in 0..<4 {
                doors.background.run {
                    while true {
                        await doors.time.sleep(for: .milliseconds(1))
                        counter.increment()
                    }
                }
            }
            await simulator.doors().time.sleep(for: .milliseconds(10))
            machine.crash()
            let count = counter.value
            #expect(count > 0)
            await simulator.doors().time.sleep(for: .seconds(1))
            doors.background.run { counter.increment() }
            await simulator.doors().time.sleep(for: .seconds(1))
            #expect(counter.value == count)

            machine.restart()
            machine.doors.background.run { counter.increment() }
            await simulator.doors().time.sleep(for: .seconds(1))
            #expect(counter.value == count + 1)
        }
    }

    @Test("Whoever waits for a machine's work learns of its crash")
    func perform() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            #expect(await machine.perform { 7 } == 7)
            simulator.after(.milliseconds(5)) { machine.crash() }
            let doors = machine.doors
            let answer = await machine.perform {
                await doors.time.sleep(for: .seconds(1))
                return 8
            }
            #expect(answer == nil)
            #expect(simulator.nanoseconds == 5_000_000)
            #expect(await machine.perform { 9 } == nil)
            #expect(!machine.isUp)
        }
    }

    @Test("A paused machine does nothing, and afterwards all that has piled up")
    func pause() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let doors = machine.doors
            let counter = Counter()
            doors.background.run {
                for _ in 0..<20 {
                    await doors.time.sleep(for: .milliseconds(10))
                    counter.increment()
                }
            }
            await simulator.doors().time.sleep(for: .milliseconds(55))
            machine.pause(for: .seconds(1))
            doors.background.run { counter.increment() }
            let before = counter.value
            await simulator.doors().time.sleep(for: .milliseconds(900))
            #expect(before == 5)
            #expect(counter.value == 5)
            await simulator.doors().time.sleep(for: .seconds(1))
            #expect(counter.value == 21)
        }
    }

    @Test("Machines may disagree about the wall clock")
    func skew() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            machine.crash()
            machine.restart(skewMicroseconds: -5_000_000)
            let right = simulator.doors().time.wallMicroseconds
            #expect(machine.doors.time.wallMicroseconds == right - 5_000_000)
        }
    }
}

final class Counter: Sendable {
    private let count = Mutex(0)

    var value: Int { self.count.withLock { $0 } }

    func increment() { self.count.withLock { $0 += 1 } }
}
