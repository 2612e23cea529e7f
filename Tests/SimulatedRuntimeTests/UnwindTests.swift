import NIOCore
import Runtime
import SimulatedRuntime
import StoreModel
import Synchronization
import Testing

struct UnwindTests {
    /// What a task holds until it ends.
    private final class Load: Sendable {}

    private struct Held {
        weak var load: Load?
    }

    /// A node that takes its time.
    private struct Slow: PeerHandler {
        let time: any TimeSource

        func handle(_ request: PeerMessage, from node: NodeID) async -> PeerMessage {
            await self.time.sleep(for: .seconds(1_000_000))
            return request
        }
    }

    private typealias Work = @Sendable () async -> Void

    /// Works that would go on for long, each at another door.
    private static func works(at machine: SimulatedMachine, _ network: SimulatedNetwork) -> [Work] {
        let doors = machine.doors
        let id = NodeID(high: 0, low: machine.name == "a" ? 1 : 2)
        let peers = network.join(
            machine,
            as: id,
            address: machine.name,
            handler: Slow(time: doors.time)
        )
        let message = PeerMessage(kind: 1, epoch: 0, head: ByteBuffer())
        var batch = RowBatch()
        batch.put(.rows, [1], [2])
        return [
            { while !Task.isCancelled { await doors.time.sleep(for: .seconds(1)) } },
            { while doors.time.nanoseconds < 1 << 45 { await doors.time.sleep(for: .seconds(9)) } },
            { [batch] in while (try? await machine.engine.commit(batch, durable: true)) != nil {} },
            {
                while (try? await machine.engine.scan(.rows, from: [], to: nil, limit: 1)) != nil {}
            },
            {
                guard let file = try? await machine.disk.open("f") else { return }
                while (try? await file.sync()) != nil {}
            },
            {
                for node in 1...2 {
                    let target = NodeID(high: 0, low: UInt64(node))
                    _ = try? await peers.call(target, message, within: .seconds(500_000))
                }
            },
        ] + Self.works(waitingFor: doors)
    }

    /// Works of which one waits for another.
    private static func works(waitingFor doors: Doors) -> [Work] {
        let lock = TaskLock()
        let answer = Eventual<Int>()
        return [
            { await lock.run { await doors.time.sleep(for: .seconds(1_000_000)) } },
            { await lock.run { await doors.time.sleep(for: .seconds(1_000_000)) } },
            { _ = await answer.value },
            {
                await doors.time.sleep(for: .seconds(1_000_000))
                doors.background.run { answer.fulfil(1) }
            },
            {
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { await doors.time.sleep(for: .seconds(1_000_000)) }
                }
            },
            {
                let (stream, inbox) = AsyncStream.makeStream(of: Int.self)
                for await _ in stream { inbox.yield(1) }
            },
        ]
    }

    /// Has two machines work; in the middle of it one crashes and the other is paused.
    ///
    /// - Returns: what the tasks hold.
    private static func run(_ simulator: Simulator) throws -> [Held] {
        let network = SimulatedNetwork(simulator)
        let machines = [simulator.machine("a"), simulator.machine("b")]
        var held: [Held] = []
        for machine in machines {
            for work in Self.works(at: machine, network) {
                let load = Load()
                held.append(Held(load: load))
                machine.doors.background.run {
                    await work()
                    withExtendedLifetime(load) {}
                }
            }
        }
        let crash = simulator.draw { $0.number(in: 1...100_000) }
        try simulator.run {
            await simulator.doors().time.sleep(for: .microseconds(crash))
            machines[1].pause(for: .seconds(60))
            machines[0].crash()
            await simulator.doors().time.sleep(for: .seconds(5))
        }
        network.drop()
        return held
    }

    @Test("When a run is over every task ends, dead machines' too", arguments: UInt64(0)..<20)
    func everythingEnds(seed: UInt64) throws {
        let simulator = Simulator(seed: seed)
        let held = try Self.run(simulator)
        #expect(held.allSatisfy { $0.load != nil })
        #expect(simulator.unwind() == 0)
        #expect(held.allSatisfy { $0.load == nil })
    }

    @Test(
        "A run that is over leaves neither simulator nor machine nor disk",
        arguments: UInt64(0)..<5
    )
    func nothingLeft(seed: UInt64) throws {
        weak var simulator: Simulator?
        weak var machine: SimulatedMachine?
        weak var disk: SimulatedDisk?
        func once() throws {
            let present = Simulator(seed: seed)
            let computer = present.machine("c")
            (simulator, machine, disk) = (present, computer, computer.disk)
            _ = try Self.run(present)
            computer.doors.background.run { await computer.doors.time.sleep(for: .seconds(100)) }
            #expect(present.unwind() == 0)
        }
        try once()
        #expect(simulator == nil)
        #expect(machine == nil)
        #expect(disk == nil)
    }

    @Test("A task that goes round in circles is left alone in the end, and counted")
    func circles() throws {
        let simulator = Simulator(seed: 1)
        simulator.doors().background.run {
            while true { await simulator.doors().time.sleep(for: .milliseconds(1)) }
        }
        try simulator.run {}
        #expect(simulator.unwind(steps: 1_000) == 1)
    }
}
