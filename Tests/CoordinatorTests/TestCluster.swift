import ChunkStore
import Coordinator
import Logging
import NIOCore
import Placement
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

/// Whole nodes on simulated machines, joined to a cluster.
struct TestCluster: Sendable {
    struct Node: Sendable {
        let machine: SimulatedMachine
        let storage: StorageNode
        let coordinator: Coordinator
        /// What the coordinator asked.
        let ledger: Ledger
        /// What the storage node asked of others in order to pull.
        let pulls: Ledger
    }

    /// How long a message takes where round trips are counted: long enough for everything else not
    /// to count.
    static let countingDelay = Duration.milliseconds(100)

    let simulator: Simulator
    let network: SimulatedNetwork
    var nodes: [Node]
    let settings: CoordinatorSettings

    /// Runs `body` on a cluster of `count` nodes that has formed, with a bucket "photos".
    static func run(
        _ count: Int = 3,
        seed: UInt64 = 1,
        countsRoundTrips: Bool = false,
        sabotage: AcceptorSabotage = [],
        settings change: @escaping @Sendable (inout CoordinatorSettings) -> Void = { _ in },
        _ body: @escaping @Sendable (TestCluster) async throws -> Void
    ) throws {
        try Simulator.run(seed: seed) { simulator in
            var settings = CoordinatorSettings()
            settings.releaseGrace = .zero
            // What is counted is not to depend on how much time passes.
            if countsRoundTrips {
                settings.hintAge = .seconds(3_600)
                settings.readSilence = .seconds(1)
                settings.silence = .seconds(3_600)
            }
            change(&settings)
            let network = SimulatedNetwork(simulator)
            if countsRoundTrips {
                var faults = LinkFaults.none
                faults.delayMicroseconds = 100_000...100_000
                network.setFaults(faults)
            }
            let cluster = try await Self.open(
                count,
                on: network,
                in: simulator,
                settings,
                sabotage
            )
            try await cluster.form()
            try await cluster[0].createBucket(photos)
            for node in cluster.nodes { _ = try await node.coordinator.bucket(photos) }
            cluster.clearLedgers()
            try await body(cluster)
        }
    }

    private static func open(
        _ count: Int,
        on network: SimulatedNetwork,
        in simulator: Simulator,
        _ settings: CoordinatorSettings,
        _ sabotage: AcceptorSabotage
    ) async throws -> TestCluster {
        var nodes: [Node] = []
        for number in 1...count {
            let machine = simulator.machine("n\(number)")
            nodes.append(try await Self.open(machine, on: network, settings, sabotage))
        }
        return TestCluster(
            simulator: simulator,
            network: network,
            nodes: nodes,
            settings: settings
        )
    }

    private static func open(
        _ machine: SimulatedMachine,
        on network: SimulatedNetwork,
        _ settings: CoordinatorSettings,
        _ sabotage: AcceptorSabotage = []
    ) async throws -> Node {
        var own = StorageNodeSettings(
            name: machine.name,
            zone: machine.name,
            capacityBytes: 1 << 40,
            address: "\(machine.name):7332"
        )
        own.sabotage = sabotage
        own.tailBytes = settings.tailBytes
        // Little room is made ahead, so that a disk without space is full at once.
        own.chunks.preallocationBytes = 1 << 20
        let storage = try await StorageNode.open(
            disk: machine.disk,
            engine: machine.engine,
            doors: machine.doors,
            settings: own,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        return Self.join(network, machine, storage, settings)
    }

    /// Starts a node again that has crashed; it is not waited for.
    func restarted(_ index: Int) async throws -> TestCluster {
        let machine = self.nodes[index].machine
        machine.restart()
        var cluster = self
        cluster.nodes[index] = try await Self.open(machine, on: self.network, self.settings)
        return cluster
    }

    /// Starts one more node, on a machine of its own or on one that has lost its disk; it is not
    /// waited for.
    func adding(_ machine: SimulatedMachine) async throws -> TestCluster {
        var cluster = self
        let node = try await Self.open(machine, on: self.network, self.settings)
        let seeds = self.nodes.map(\.storage.settings.address).filter {
            $0 != node.storage.settings.address
        }
        let peers = self.network.join(
            machine,
            as: node.storage.id,
            address: node.storage.settings.address,
            handler: node.storage
        )
        cluster.nodes.append(node)
        machine.doors.background.run {
            try? await node.coordinator.formCluster(
                seeds: seeds,
                own: node.storage.description,
                connector: peers
            ) { _ in preconditionFailure("There is a layout.") }
            try? await node.coordinator.waitForMembership()
        }
        return cluster
    }

    private static func join(
        _ network: SimulatedNetwork,
        _ machine: SimulatedMachine,
        _ storage: StorageNode,
        _ settings: CoordinatorSettings
    ) -> Node {
        let peers = network.join(
            machine,
            as: storage.id,
            address: storage.settings.address,
            handler: storage
        )
        let time = machine.doors.time
        let (ledger, pulls) = (Ledger(time), Ledger(time))
        storage.attach(
            LoopbackNetwork(
                own: storage.id,
                handler: storage,
                remote: CountingNetwork(remote: peers, ledger: pulls)
            )
        )
        let coordinator = Coordinator(
            network: LoopbackNetwork(
                own: storage.id,
                handler: CountingHandler(handler: storage, ledger: ledger),
                remote: CountingNetwork(remote: peers, ledger: ledger)
            ),
            layouts: storage.layouts,
            doors: machine.doors,
            ballots: BallotSource(incarnation: storage.incarnation, clock: machine.doors.time),
            settings: settings,
            undertakings: storage.undertakings
        )
        storage.serve(changes: coordinator.receiver)
        return Node(
            machine: machine,
            storage: storage,
            coordinator: coordinator,
            ledger: ledger,
            pulls: pulls
        )
    }

    private func form() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in self.nodes.indices {
                group.addTask { try await self.join(index) }
            }
            try await group.waitForAll()
        }
    }

    /// Has a node join the cluster, with the addresses of all others.
    func join(_ index: Int) async throws {
        let node = self.nodes[index]
        let address = node.storage.settings.address
        let peers = self.network.join(
            node.machine,
            as: node.storage.id,
            address: address,
            handler: node.storage
        )
        try await node.coordinator.formCluster(
            seeds: self.nodes.map(\.storage.settings.address).filter { $0 != address },
            own: node.storage.description,
            connector: peers
        ) { members in
            guard let layout = try? LayoutPlan.first(nodes: members) else {
                preconditionFailure("No layout for \(members)")
            }
            return layout
        }
    }

    subscript(index: Int) -> Coordinator { self.nodes[index % self.nodes.count].coordinator }

    func clearLedgers() {
        for node in self.nodes {
            node.ledger.clear()
            node.pulls.clear()
        }
    }

    /// Lets virtual time pass; stragglers arrive.
    func wait(_ time: Duration = .seconds(5)) async {
        await self.simulator.doors().time.sleep(for: time)
    }

    /// Round trips between machines that `work` had to wait for.
    func roundTrips(_ work: () async throws -> Void) async rethrows -> Int {
        let start = self.simulator.nanoseconds
        try await work()
        let waited = Duration.nanoseconds(Int64(self.simulator.nanoseconds - start))
        return Int(waited / (Self.countingDelay * 2))
    }

    /// Those of these round trips in which a replica had to sync: syncs one after another.
    ///
    /// - Precondition: round trips are counted, and nothing else goes on.
    func syncedRoundTrips(of index: Int) -> Int {
        let trip = Self.countingDelay * 2 / .nanoseconds(1)
        let entries = self.nodes[index].ledger.entries
        guard let first = entries.first else { return 0 }
        // What happens between the trips takes little, but not nothing.
        let numbers = entries.filter(\.isDurable).map {
            (Double($0.nanoseconds - first.nanoseconds) / trip).rounded()
        }
        return Set(numbers).count
    }

    /// Chunks on all nodes together.
    var chunks: Int { self.nodes.reduce(0) { $0 + $1.storage.chunkStatistics.chunks } }

    /// Syncs of rows and of volumes, over all nodes.
    var syncs: (rows: Int, chunks: Int) {
        (
            rows: self.nodes.reduce(0) { $0 + $1.machine.engine.syncCount },
            chunks: self.nodes.reduce(0) { $0 + $1.storage.chunkStatistics.syncs }
        )
    }

    /// Sweeps on every node after all have had their turn, until nothing is left to do.
    @discardableResult
    func sweepAll() async -> (released: Int, buried: Int) {
        var total = (released: 0, buried: 0)
        for _ in 0..<3 {
            await self.wait(.seconds(120))
            for node in self.nodes {
                let summary = await node.coordinator.sweep()
                total.released += summary.released
                total.buried += summary.buried
            }
        }
        return total
    }
}

/// The bucket of most tests.
let photos = bucket("photos")

func bucket(_ text: String) -> BucketName {
    guard let name = BucketName(text) else { preconditionFailure("No bucket: \(text)") }
    return name
}

func object(_ text: String, in bucket: BucketName = photos) -> ObjectName {
    guard let key = ObjectKey(text) else { preconditionFailure("No key: \(text)") }
    return ObjectName(bucket, key)
}

/// Content that a seed foretells.
func content(_ count: Int, seed: UInt64 = 1) -> ByteBuffer {
    var random = SplitMix64(seed: seed)
    var buffer = ByteBuffer()
    buffer.reserveCapacity(count + 8)
    while buffer.readableBytes < count { buffer.writeInteger(random.next()) }
    buffer.moveWriterIndex(to: count)
    return buffer
}

/// A body in pieces of 1 MiB; may break off before its end.
actor TestBody: BodySource {
    struct BrokenOff: Error {}

    private var left: ByteBuffer
    private let breaksOff: Bool

    init(_ content: ByteBuffer, breaksOff: Bool = false) {
        self.left = content
        self.breaksOff = breaksOff
    }

    func next() throws -> ByteBuffer? {
        if self.left.readableBytes == 0 {
            if self.breaksOff { throw BrokenOff() }
            return nil
        }
        return self.left.readSlice(length: min(1 << 20, self.left.readableBytes))
    }
}

extension ObjectStore {
    @discardableResult
    func put(
        _ name: ObjectName,
        _ content: ByteBuffer,
        _ condition: WriteCondition = .none,
        storageClass: StorageClass = .standard
    ) async throws -> ObjectSummary {
        try await self.put(
            PutRequest(
                name: name,
                metadata: ObjectMetadata(),
                storageClass: storageClass,
                condition: condition,
                announcedBytes: UInt64(content.readableBytes)
            ),
            body: TestBody(content)
        )
    }

    func get(_ name: ObjectName, _ range: Range<UInt64>? = nil) async throws -> ByteBuffer {
        let found = try await self.open(name)
        let reader = found.read(range ?? 0..<found.summary.size)
        var content = ByteBuffer()
        while var piece = try await reader.next() {
            #expect(piece.readableBytes > 0)
            content.writeBuffer(&piece)
        }
        return content
    }

    func delete(_ name: ObjectName) async throws {
        try await self.delete(name, condition: .none)
    }
}

/// The code of the error that `body` throws; nil if it throws none.
func code(_ body: () async throws -> Void) async -> ClusterError.Code? {
    do {
        try await body()
        return nil
    } catch let error as ClusterError {
        return error.code
    } catch {
        Issue.record("\(error)")
        return nil
    }
}
