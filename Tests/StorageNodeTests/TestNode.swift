import Logging
import NIOCore
import PeerProtocol
import Placement
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Wire

/// A storage node on a simulated machine, and what a coordinator would send it.
struct TestNode: Sendable {
    let node: StorageNode
    let machine: SimulatedMachine

    static func settings(_ name: String) -> StorageNodeSettings {
        StorageNodeSettings(
            name: name,
            zone: "zone of \(name)",
            capacityBytes: 1 << 40,
            address: "\(name):7332"
        )
    }

    static func open(
        on machine: SimulatedMachine,
        _ change: (inout StorageNodeSettings) -> Void = { _ in }
    ) async throws -> TestNode {
        var settings = Self.settings(machine.name)
        change(&settings)
        let node = try await StorageNode.open(
            disk: machine.disk,
            engine: machine.engine,
            doors: machine.doors,
            settings: settings,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        return TestNode(node: node, machine: machine)
    }

    /// A node that is alone in its cluster: it keeps everything.
    static func alone(
        on machine: SimulatedMachine,
        _ change: (inout StorageNodeSettings) -> Void = { _ in }
    ) async throws -> TestNode {
        let node = try await Self.open(on: machine, change)
        let layout = try LayoutPlan.first(nodes: [node.node.description])
        _ = await node.ask(.pushLayout(layout))
        return node
    }

    /// Nodes that can call one another, with a first layout of them all.
    static func cluster(
        _ names: [String],
        in simulator: Simulator,
        _ change: (inout StorageNodeSettings) -> Void = { _ in }
    ) async throws -> (nodes: [TestNode], network: SimulatedNetwork) {
        let network = SimulatedNetwork(simulator)
        var nodes: [TestNode] = []
        for name in names {
            let node = try await Self.open(on: simulator.machine(name), change)
            let peers = network.join(
                node.machine,
                as: node.node.id,
                address: "\(name):7332",
                handler: node.node
            )
            node.node.attach(
                LoopbackNetwork(own: node.node.id, handler: node.node, remote: peers)
            )
            nodes.append(node)
        }
        let layout = try LayoutPlan.first(nodes: nodes.map(\.node.description))
        for node in nodes { _ = await node.ask(.pushLayout(layout)) }
        return (nodes, network)
    }

    /// Sends a request by the node's own layout.
    func ask(_ request: PeerRequest) async -> PeerReply {
        await self.ask(request, epoch: self.node.layouts.epoch)
    }

    func ask(_ request: PeerRequest, epoch: UInt64) async -> PeerReply {
        await self.send(request.message(epoch: epoch))
    }

    func send(_ message: PeerMessage) async -> PeerReply {
        let reply = await self.node.handle(message, from: NodeID(high: 1, low: 1))
        do throws(RecordError) {
            return try PeerReply(reply)
        } catch {
            return .failure(PeerFailure(.badRequest, "the reply cannot be read: \(error)"))
        }
    }

    /// Writes a row as a proposer would.
    func put(_ key: RegisterKey, _ value: RegisterValue, round: UInt64 = 1) async -> PeerReply {
        let ballot = Ballot(round: round, node: 0, incarnation: 1, sequence: 0)
        return await self.ask(.register(key, .accept(ballot, value, generation: 0)))
    }
}

extension PeerReply {
    /// The code of a failure; nil for every other reply.
    var failureCode: PeerFailure.Code? {
        if case .failure(let failure) = self { return failure.code }
        return nil
    }

    /// The number of ``PeerReply/done(_:)``; nil for every other reply.
    var number: UInt64? {
        if case .done(let number) = self { return number }
        return nil
    }

    var seenStart: NodeStart? {
        if case .seenStart(let start) = self { return start }
        return nil
    }

    var page: ScanPage? {
        if case .rows(let page) = self { return page }
        return nil
    }

    var isNeedLayout: Bool {
        if case .needLayout = self { return true }
        return false
    }

    var staleLayout: LayoutRecord? {
        if case .staleLayout(let layout) = self { return layout }
        return nil
    }
}

func key(_ text: String, bucket: UInt64 = 1) -> RegisterKey {
    guard let key = ObjectKey(text) else { preconditionFailure("No key: \(text)") }
    return .object(BucketID(bucket), key)
}

func manifest(_ number: Int = 1) -> ManifestID {
    ManifestID(
        partition: PartitionID(index: number % Limit.partitions),
        birth: Ballot(round: UInt64(number), node: 0, incarnation: 1, sequence: 0)
    )
}

func chunkName(_ number: Int, of id: ManifestID = manifest()) -> ChunkName {
    ChunkName(manifest: id, part: 0, attempt: 0, index: UInt32(number))
}

/// A chunk of pseudo-random content.
func chunk(_ bytes: Int, seed: UInt64 = 1) -> StoredChunk {
    var random = SplitMix64(seed: seed)
    return StoredChunk.encode(
        ByteBuffer(bytes: (0..<bytes).map { _ in UInt8(truncatingIfNeeded: random.next()) })
    )
}

/// What the register of an object holds.
func value(live: Bool, garbage: Bool = false, content: Int = 0) -> RegisterValue {
    let modified = HybridTime(microseconds: 1)
    let version = Version(
        id: VersionID(high: 1, low: 2),
        etag: "e",
        size: UInt64(content),
        storageClass: .standard,
        modified: modified,
        metadata: ObjectMetadata(),
        checksums: [],
        content: .inline([UInt8](repeating: 7, count: content))
    )
    let dropped = Garbage(
        entry: .version(VersionID(high: 3, low: 4)),
        manifest: manifest(),
        fence: Ballot(round: 1, node: 0, incarnation: 1, sequence: 0)
    )
    let record = ObjectRecord(
        versions: live ? [version] : [],
        garbage: garbage ? [dropped] : [],
        modified: modified
    )
    return RegisterValue(
        changeNumber: 1,
        lineage: [],
        body: live || garbage ? record.encoded : nil,
        hasGarbage: garbage
    )
}
