import NIOCore
import Runtime
import SimulatedRuntime
import StoreModel
import Synchronization
import Testing

struct SimulatedNetworkTests {
    /// Sends the request back, and counts.
    final class Echo: PeerHandler {
        let calls = Mutex<[ByteBuffer]>([])
        let time: any TimeSource
        let delay: Duration

        init(_ simulator: Simulator, delay: Duration = .zero) {
            self.time = simulator.doors().time
            self.delay = delay
        }

        var count: Int { self.calls.withLock { $0.count } }

        func handle(_ request: PeerMessage, from node: NodeID) async -> PeerMessage {
            self.calls.withLock { $0.append(request.head) }
            await self.time.sleep(for: self.delay)
            return request
        }
    }

    private static func message(_ number: Int) -> PeerMessage {
        PeerMessage(kind: 1, epoch: 0, head: ByteBuffer(bytes: [UInt8(number)]))
    }

    private struct Pair: Sendable {
        let simulator: Simulator
        let network: SimulatedNetwork
        let machines: [SimulatedMachine]
        let echo: Echo
        let door: SimulatedPeers
        let target = NodeID(high: 0, low: 2)

        init(_ simulator: Simulator, delay: Duration = .zero) {
            self.simulator = simulator
            self.network = SimulatedNetwork(simulator)
            self.machines = [simulator.machine("a"), simulator.machine("b")]
            self.echo = Echo(simulator, delay: delay)
            self.door = self.network.join(
                self.machines[0],
                as: NodeID(high: 0, low: 1),
                address: "a:1",
                handler: Echo(simulator)
            )
            self.join()
        }

        func join() {
            _ = self.network.join(
                self.machines[1],
                as: self.target,
                address: "b:1",
                handler: self.echo
            )
        }

        func call(_ number: Int = 1, within timeout: Duration = .seconds(1)) async
            -> Result<ByteBuffer, NetworkError>
        {
            do throws(NetworkError) {
                let message = SimulatedNetworkTests.message(number)
                return .success(
                    try await self.door.call(self.target, message, within: timeout).head
                )
            } catch { return .failure(error) }
        }
    }

    @Test("Each reply belongs to its request, however messages overtake", arguments: UInt64(0)..<10)
    func replies(seed: UInt64) throws {
        try Simulator.run(seed: seed) { simulator in
            let pair = Pair(simulator)
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        #expect(
                            await pair.call(number) == .success(ByteBuffer(bytes: [UInt8(number)]))
                        )
                    }
                }
            }
            let order = pair.echo.calls.withLock { $0 }
            #expect(order != (0..<20).map { ByteBuffer(bytes: [UInt8($0)]) })
        }
    }

    @Test("Lost messages end in a timeout, in virtual time; some requests were carried out")
    func loss() throws {
        try Simulator.run { simulator in
            let pair = Pair(simulator)
            var faults = LinkFaults()
            faults.lossPermille = 400
            pair.network.setFaults(faults)
            var timeouts = 0
            for number in 0..<50 where await pair.call(number) == .failure(.timedOut) {
                timeouts += 1
            }
            #expect((10..<45).contains(timeouts))
            #expect(pair.echo.count > 50 - timeouts)
            #expect(simulator.nanoseconds >= UInt64(timeouts) * 1_000_000_000)
        }
    }

    @Test("A duplicated request is carried out twice and answered once")
    func duplicates() throws {
        try Simulator.run { simulator in
            let pair = Pair(simulator)
            var faults = LinkFaults()
            faults.duplicatePermille = 1_000
            pair.network.setFaults(faults)
            for number in 0..<10 {
                #expect(await pair.call(number) == .success(ByteBuffer(bytes: [UInt8(number)])))
            }
            await simulator.doors().time.sleep(for: .seconds(1))
            #expect(pair.echo.count == 20)
        }
    }

    @Test("A cut works in one direction only, until it is healed")
    func cuts() throws {
        try Simulator.run { simulator in
            let pair = Pair(simulator)
            pair.network.cut(from: pair.machines[1], to: pair.machines[0])
            #expect(await pair.call() == .failure(.timedOut))
            #expect(pair.echo.count == 1, "the request got through, its reply did not")
            await #expect(throws: NetworkError.unreachable) {
                try await pair.door.connect(to: "b:1")
            }
            pair.network.heal()
            pair.network.cut(from: pair.machines[0], to: pair.machines[1])
            #expect(await pair.call() == .failure(.timedOut))
            #expect(pair.echo.count == 1)
            pair.network.heal()
            #expect(await pair.call() == .success(ByteBuffer(bytes: [1])))
            let found = try await pair.door.connect(to: "b:1")
            #expect(found == pair.target)
        }
    }

    @Test("A clogged link delivers late, but delivers")
    func clog() throws {
        try Simulator.run { simulator in
            let pair = Pair(simulator)
            pair.network.clog(from: pair.machines[0], to: pair.machines[1], for: .seconds(5))
            #expect(await pair.call() == .failure(.timedOut))
            #expect(pair.echo.count == 0)
            await simulator.doors().time.sleep(for: .seconds(5))
            #expect(pair.echo.count == 1)
        }
    }

    @Test("Calls to a node that crashes break or time out; a node that is down is unreachable")
    func crash() throws {
        var seen: Set<NetworkError> = []
        for seed in UInt64(0)..<20 {
            let errors = try Simulator.run(seed: seed) { simulator in
                let pair = Pair(simulator, delay: .milliseconds(100))
                simulator.after(.milliseconds(50)) {
                    pair.machines[1].crash()
                    pair.network.crashed(pair.target)
                }
                let first = await pair.call()
                #expect(pair.echo.count == 1)
                #expect(await pair.call() == .failure(.unreachable))
                pair.machines[1].restart()
                pair.join()
                #expect(await pair.call() == .success(ByteBuffer(bytes: [1])))
                guard case .failure(let error) = first else { return Set<NetworkError>() }
                return [error]
            }
            seen.formUnion(errors)
        }
        #expect(seen == [.disconnected, .timedOut])
    }

    @Test("Cancelling the caller abandons the call at once")
    func cancellation() throws {
        try Simulator.run { simulator in
            let pair = Pair(simulator, delay: .seconds(30))
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    #expect(await pair.call(within: .seconds(60)) == .failure(.cancelled))
                }
                await simulator.doors().time.sleep(for: .seconds(1))
                group.cancelAll()
            }
            #expect(simulator.nanoseconds == 1_000_000_000)
        }
    }

    @Test("Nobody has ever heard of some nodes")
    func unknown() throws {
        try Simulator.run { simulator in
            let pair = Pair(simulator)
            await #expect(throws: NetworkError.unreachable) {
                try await pair.door.call(
                    NodeID(high: 9, low: 9),
                    Self.message(1),
                    within: .seconds(1)
                )
            }
            await #expect(throws: NetworkError.unreachable) {
                try await pair.door.connect(to: "c:1")
            }
        }
    }
}
