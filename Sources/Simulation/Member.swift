import ChunkStore
import Coordinator
import Logging
import Placement
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Synchronization

/// One whole node of the cluster: a machine, and on it a storage node and a coordinator.
///
/// It is composed as `triolet serve` composes it, over simulated doors.
final class Member: Sendable {
    /// What runs in one life of the machine.
    struct Running: Sendable {
        let node: StorageNode
        let coordinator: Coordinator
    }

    private struct State {
        var running: Running?
        /// Those of all lives.
        var nodes: [StorageNode] = []
        /// The last one, running or not.
        var id: NodeID?
        var isReady = false
        var isMember = true
        var failure: String?
        var isRetired = false
        var isScrapped = false
        /// How earlier coordinators changed registers.
        var writes = WriteCounts()
    }

    let machine: SimulatedMachine
    let address: String
    private let zone: String
    private let state = Mutex(State())

    init(_ machine: SimulatedMachine, zone: String) {
        self.machine = machine
        self.address = "\(machine.name):7332"
        self.zone = zone
    }

    var name: String { self.machine.name }

    /// The node on its disk, as far as it has been started.
    var id: NodeID? { self.state.withLock { $0.id } }

    /// Whether the layout is to name it.
    var isMember: Bool {
        get { self.state.withLock { $0.isMember } }
        set { self.state.withLock { $0.isMember = newValue } }
    }

    /// Takes all that its disk has.
    ///
    /// - Precondition: it is down.
    func wipe() {
        self.machine.disk.wipe()
        self.machine.engine.wipe()
    }

    /// Nil while it is down or starting.
    var coordinator: Coordinator? {
        self.state.withLock { $0.isReady ? $0.running?.coordinator : nil }
    }

    /// Nil while it is down.
    var node: StorageNode? { self.state.withLock { $0.running?.node } }

    /// How registers were changed through it so far.
    var writes: WriteCounts {
        self.state.withLock { state in
            state.writes + (state.running?.coordinator.writeCounts ?? WriteCounts())
        }
    }

    /// Why it could not be opened, if so.
    var failure: String? { self.state.withLock { $0.failure } }

    /// Whether its disk has been put back to an earlier state, or emptied: it must never serve
    /// again.
    var isRetired: Bool { self.state.withLock { $0.isRetired } }

    /// Whether the machine is gone for good, after its node has left the layout.
    var isScrapped: Bool { self.state.withLock { $0.isScrapped } }

    func scrap() { self.state.withLock { $0.isScrapped = true } }

    func retire() { self.state.withLock { $0.isRetired = true } }

    /// Starts the node in the background; it is ready when it has a layout.
    func start(
        in network: SimulatedNetwork,
        seeds: [String],
        settings: CoordinatorSettings,
        sabotage: (acceptor: AcceptorSabotage, node: NodeSabotage),
        story: Story
    ) {
        let doors = self.machine.doors
        doors.background.run {
            do {
                let node = try await self.open(doors, sabotage.acceptor, settings)
                guard !Task.isCancelled else { return }
                self.state.withLock { $0.nodes.append(node) }
                let handler = SabotagedNode(node: node, sabotage: sabotage.node)
                let peers = network.join(
                    self.machine,
                    as: node.id,
                    address: self.address,
                    handler: handler
                )
                let own = LoopbackNetwork(own: node.id, handler: handler, remote: peers)
                node.attach(own)
                let coordinator = Coordinator(
                    network: own,
                    layouts: node.layouts,
                    doors: doors,
                    ballots: BallotSource(
                        incarnation: sabotage.node.contains(.noIncarnation) ? 1 : node.incarnation,
                        clock: doors.time
                    ),
                    settings: settings,
                    undertakings: node.undertakings
                )
                node.serve(changes: coordinator.receiver)
                self.state.withLock { state in
                    state.running = Running(node: node, coordinator: coordinator)
                    state.id = node.id
                }
                try await coordinator.formCluster(
                    seeds: seeds.filter { $0 != self.address },
                    own: node.description,
                    connector: peers,
                    plan: Cluster.firstLayout
                )
                try await coordinator.waitForMembership()
                self.state.withLock { $0.isReady = true }
                story.tell("\(self.name) is ready, incarnation \(node.incarnation)")
                await coordinator.runSweeps()
            } catch {
                self.state.withLock { $0.failure = "\(error)" }
                story.tell("\(self.name) cannot start: \(error)")
            }
        }
    }

    private func open(
        _ doors: Doors,
        _ sabotage: AcceptorSabotage,
        _ coordinator: CoordinatorSettings
    ) async throws -> StorageNode {
        var settings = StorageNodeSettings(
            name: self.name,
            zone: self.zone,
            capacityBytes: 1 << 40,
            address: self.address
        )
        settings.tailBytes = coordinator.tailBytes
        settings.sabotage = sabotage
        // Small volumes, so that some are full, and emptied again.
        settings.chunks = ChunkStoreSettings(
            volumeBytes: 6 << 20,
            preallocationBytes: 1 << 20,
            reserveBytes: 64 << 20,
            waitingBytesMax: 16 << 20,
            checkpointBytes: 1 << 20
        )
        return try await StorageNode.open(
            disk: self.machine.disk,
            engine: self.machine.engine,
            doors: doors,
            settings: settings,
            logger: Logger(label: self.name) { _ in SwiftLogNoOpLogHandler() }
        )
    }

    /// Takes the network away from the nodes of all lives: each keeps the other.
    ///
    /// - Precondition: the run is over.
    func detach() {
        for node in self.state.withLock({ $0.nodes }) { node.detach() }
    }

    /// What holds most of the memory.
    var parts: [(name: String, object: AnyObject)] {
        let nodes = self.state.withLock { $0.nodes }
        let machine: [(name: String, object: AnyObject)] = [
            ("machine", self.machine), ("disk", self.machine.disk), ("rows", self.machine.engine),
        ]
        return machine + nodes.map { (name: "node", object: $0) }
    }

    /// Pulls the plug.
    ///
    /// False if it was down.
    func crash(_ network: SimulatedNetwork) -> Bool {
        guard self.machine.isUp else { return false }
        self.machine.crash()
        let id = self.state.withLock { state in
            state.writes = state.writes + (state.running?.coordinator.writeCounts ?? WriteCounts())
            (state.running, state.isReady) = (nil, false)
            return state.id
        }
        if let id { network.crashed(id) }
        return true
    }
}
