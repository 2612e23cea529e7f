import NIOCore
package import Runtime
package import StoreModel
import Synchronization

/// The network between simulated machines.
///
/// Every request and every reply is a message of its own: delayed, lost, duplicated or overtaken as
/// ``LinkFaults`` say. A link is one direction between two machines; it can be cut (messages are
/// lost) or clogged (messages wait). Requests that are late may reach a machine after it has
/// crashed and come back.
package final class SimulatedNetwork: Sendable {
    private struct Host {
        let node: NodeID
        let address: String
        let machine: SimulatedMachine
        let life: Life
        let handler: any PeerHandler

        var isUp: Bool { self.life.isAlive }
    }

    private struct Link: Hashable {
        let source: String
        let target: String
    }

    private struct State {
        var faults = LinkFaults.none
        /// In the order in which they joined.
        var hosts: [Host] = []
        var cuts: Set<Link> = []
        /// Until when messages wait, in nanoseconds.
        var clogs: [Link: UInt64] = [:]
        var pending: [PendingCall] = []
        var statistics = Statistics()
    }

    /// What has happened so far.
    package struct Statistics: Hashable, Sendable {
        package var sent = 0
        package var lost = 0
        package var duplicated = 0
        package var bodyBytes = 0
    }

    private let simulator: Simulator
    private let state = Mutex(State())

    package init(_ simulator: Simulator) { self.simulator = simulator }

    /// Lets a node be called: by its id, and as a seed by its address.
    ///
    /// - Returns: the door by which the node itself calls others.
    package func join(
        _ machine: SimulatedMachine,
        as node: NodeID,
        address: String,
        handler: any PeerHandler
    ) -> SimulatedPeers {
        let host = Host(
            node: node,
            address: address,
            machine: machine,
            life: machine.life,
            handler: handler
        )
        self.state.withLock { state in
            state.hosts.removeAll { $0.address == address || $0.node == node }
            state.hosts.append(host)
        }
        return SimulatedPeers(network: self, node: node, machine: machine)
    }

    package var statistics: Statistics { self.state.withLock { $0.statistics } }

    package func setFaults(_ faults: LinkFaults) { self.state.withLock { $0.faults = faults } }

    /// Loses all messages from one machine to another, until ``heal()``.
    package func cut(from source: SimulatedMachine, to target: SimulatedMachine) {
        let link = Link(source: source.name, target: target.name)
        self.state.withLock { _ = $0.cuts.insert(link) }
    }

    /// Holds all messages from one machine to another back for a while, then lets them all through.
    package func clog(
        from source: SimulatedMachine,
        to target: SimulatedMachine,
        for duration: Duration
    ) {
        let until = self.simulator.nanoseconds + duration.wholeNanoseconds
        self.state.withLock { $0.clogs[Link(source: source.name, target: target.name)] = until }
    }

    /// Mends all cuts.
    ///
    /// Clogs end by themselves.
    package func heal() { self.state.withLock { $0.cuts = [] } }

    /// Tells the network of a crash: of the calls to the node under way, some break, some time out.
    package func crashed(_ node: NodeID) {
        let broken = self.state.withLock { state in
            state.pending.removeAll { $0.isOver }
            return state.pending.filter { $0.target == node }
        }
        for call in broken where self.simulator.draw({ $0.chance(permille: 700) }) {
            let delay = self.simulator.draw { $0.number(in: 50...2_000) }
            self.simulator.after(.microseconds(delay)) { call.end(.failure(.disconnected)) }
        }
    }

    /// Forgets all nodes and calls.
    package func drop() { self.state.withLock { $0 = State() } }
}

extension SimulatedNetwork {
    func call(
        _ target: NodeID,
        _ request: PeerMessage,
        within timeout: Duration,
        from source: NodeID,
        at machine: SimulatedMachine
    ) async throws(NetworkError) -> PeerMessage {
        if self.simulator.isOver {
            await self.simulator.dawdle(microseconds: LinkFaults.none.delayMicroseconds)
            throw .cancelled
        }
        guard !Task.isCancelled else { throw .cancelled }
        let call = PendingCall(to: target)
        let outcome: PendingCall.Outcome = await withTaskCancellationHandler {
            await suspended { (wakeup: Wakeup<PendingCall.Outcome>) in
                call.wait(wakeup)
                guard !call.isOver else { return }
                call.timeout.arm { call.end(.failure(.timedOut)) }
                self.simulator.set(call.timeout, after: timeout.wholeNanoseconds)
                self.begin(call, request, from: source, at: machine)
            }
        } onCancel: {
            call.end(.failure(.cancelled))
        }
        return try outcome.get()
    }

    private func begin(
        _ call: PendingCall,
        _ request: PeerMessage,
        from source: NodeID,
        at machine: SimulatedMachine
    ) {
        let target = self.state.withLock { state in
            state.pending.append(call)
            if state.pending.count > 1_000 { state.pending.removeAll { $0.isOver } }
            state.statistics.bodyBytes += request.body.readableBytes
            return state.hosts.first { $0.node == call.target }
        }
        guard let target else {
            self.simulator.after(.microseconds(100)) { call.end(.failure(.unreachable)) }
            return
        }
        self.send(from: machine.name, to: target.machine.name) {
            self.arrive(call, request, from: source, at: machine)
        }
    }

    private func arrive(
        _ call: PendingCall,
        _ request: PeerMessage,
        from source: NodeID,
        at machine: SimulatedMachine
    ) {
        let host = self.state.withLock { state in
            state.hosts.first { $0.node == call.target }
        }
        guard let host else { return }
        guard host.isUp else {
            // Nobody listens: the caller is told so, by a message like any other.
            self.send(from: host.machine.name, to: machine.name) {
                // Of a doubled request the other copy may have arrived before.
                call.end(.failure(call.isDelivered ? .disconnected : .unreachable))
            }
            return
        }
        call.deliver()
        host.life.run {
            let reply = await host.handler.handle(request, from: source)
            self.send(from: host.machine.name, to: machine.name) { call.end(.success(reply)) }
        }
    }

    /// Delivers a message: never, once or twice.
    private func send(
        from source: String,
        to target: String,
        _ deliver: @escaping @Sendable () -> Void
    ) {
        let link = Link(source: source, target: target)
        let (faults, isCut, clog) = self.state.withLock { state in
            state.statistics.sent += 1
            return (state.faults, state.cuts.contains(link), state.clogs[link] ?? 0)
        }
        let now = self.simulator.nanoseconds
        let (delays, isLost): ([UInt64], Bool) = self.simulator.draw { random in
            let isLost = random.chance(permille: faults.lossPermille)
            let count = random.chance(permille: faults.duplicatePermille) ? 2 : 1
            let delays = (0..<count).map { _ in
                let range =
                    random.chance(permille: faults.latePermille)
                    ? faults.lateMicroseconds : faults.delayMicroseconds
                let wait = clog > now ? clog - now : 0
                return wait + UInt64(random.number(in: range)) * 1_000
            }
            return (delays, isLost)
        }
        if isCut || isLost {
            self.state.withLock { $0.statistics.lost += 1 }
            return
        }
        if delays.count > 1 { self.state.withLock { $0.statistics.duplicated += 1 } }
        for delay in delays {
            let alarm = Alarm {
                // A cut takes what is on its way, too.
                guard !self.state.withLock({ $0.cuts.contains(link) }) else { return }
                deliver()
            }
            self.simulator.set(alarm, after: delay)
        }
    }

    /// Asks who answers at an address.
    func connect(
        to address: String,
        from machine: SimulatedMachine
    ) async throws(NetworkError) -> NodeID {
        await self.simulator.dawdle(microseconds: 100...1_000)
        let node: NodeID? = self.state.withLock { state in
            guard let host = state.hosts.first(where: { $0.address == address }), host.isUp else {
                return nil
            }
            let there = Link(source: machine.name, target: host.machine.name)
            let back = Link(source: host.machine.name, target: machine.name)
            return state.cuts.contains(there) || state.cuts.contains(back) ? nil : host.node
        }
        guard let node else { throw .unreachable }
        return node
    }
}

/// The network as one node sees it.
package struct SimulatedPeers: Network, SeedConnector {
    let network: SimulatedNetwork
    let node: NodeID
    let machine: SimulatedMachine

    package func call(
        _ node: NodeID,
        _ request: PeerMessage,
        within timeout: Duration
    ) async throws(NetworkError) -> PeerMessage {
        try await self.network.call(
            node,
            request,
            within: timeout,
            from: self.node,
            at: self.machine
        )
    }

    package func connect(to address: String) async throws(NetworkError) -> NodeID {
        try await self.network.connect(to: address, from: self.machine)
    }
}
