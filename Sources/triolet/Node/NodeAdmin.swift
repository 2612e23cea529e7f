import AdminAPI
import ChunkStore
import Coordinator
import Metrics
import PeerProtocol
import Placement
import Runtime
import StorageNode
import StoreModel

/// What the admin port tells of this node.
struct NodeAdmin: AdminSource {
    /// Longest wait for another node's sign of life.
    private static let patience = Duration.seconds(1)
    /// How the reason begins why a node is not ready that only a change of the layout makes so.
    static let noMember = "not a member of the cluster"

    let node: StorageNode
    let coordinator: Coordinator
    private let caller: PeerCaller
    private let directory: DataDirectory
    /// Where nodes that are no members may be found.
    let seeds: [String]
    let connector: any SeedConnector
    private let gauges = NodeGauges()

    init(
        node: StorageNode,
        coordinator: Coordinator,
        caller: PeerCaller,
        directory: DataDirectory,
        membership: MembershipService
    ) {
        self.node = node
        self.coordinator = coordinator
        self.caller = caller
        self.directory = directory
        self.seeds = membership.seeds
        self.connector = membership.connector
    }

    /// Whether requests can be served here, and other nodes can count on this one.
    ///
    /// Looks a bucket up that nobody has: the answer "not found" is a quorum's. Whoever restarts
    /// nodes in turn may go on to the next one: the others have heard of this one.
    func readiness() async -> Readiness {
        if let outage = self.node.outageText {
            return .notReady("out of service, the data directory has failed: \(outage)")
        }
        guard self.node.layouts.layout != nil else {
            return .notReady("waiting for the other nodes")
        }
        guard self.coordinator.isMember else {
            return .notReady("\(Self.noMember): the data directory is a new one")
        }
        guard self.node.hasIntroducedItself else {
            return .notReady("the other nodes have not been told of this start yet")
        }
        guard let probe = BucketName("triolet-readiness-probe") else { return .ready }
        do throws(ClusterError) {
            _ = try await self.coordinator.bucket(probe)
        } catch  where error.code != .bucketNotFound {
            return .notReady("no quorum of nodes answers")
        } catch {}
        return .ready
    }

    func cluster() async -> ClusterReport {
        guard let layout = self.node.layouts.layout else {
            return ClusterReport(
                version: Version.text,
                node: self.node.settings.name,
                epoch: 0,
                nodes: [Self.report(self.node.description, isUp: true)]
            )
        }
        let record = layout.record
        let up = await self.answering(record.nodes)
        return ClusterReport(
            version: Version.text,
            node: self.node.settings.name,
            epoch: record.epoch,
            nodes: record.nodes.map { Self.report($0, isUp: up.contains($0.id)) }
        )
    }

    func refreshMetrics() async {
        let space = try? self.directory.space()
        self.gauges.record(
            epoch: self.node.layouts.epoch,
            nodes: self.node.layouts.layout?.members.count ?? 0,
            chunks: self.node.chunkStatistics.chunks,
            chunkBytes: self.node.chunkStatistics.recordBytes,
            healing: self.coordinator.healStatus,
            space: space
        )
    }

    func answering(_ nodes: [LayoutNode]) async -> Set<NodeID> {
        await withTaskGroup(of: NodeID?.self) { group in
            for node in nodes {
                group.addTask {
                    let reply = try? await self.caller.ask(
                        node.id,
                        .describe,
                        within: Self.patience
                    )
                    return reply == nil ? nil : node.id
                }
            }
            var up: Set<NodeID> = []
            for await node in group { if let node { up.insert(node) } }
            return up
        }
    }

    private static func report(_ node: LayoutNode, isUp: Bool) -> NodeReport {
        NodeReport(
            id: "\(node.id)",
            name: node.name,
            zone: node.zone,
            address: node.address,
            capacityBytes: node.capacityBytes,
            up: isUp
        )
    }
}

/// Values that are looked up when somebody asks, not counted as they change.
private struct NodeGauges: Sendable {
    private let epoch = Gauge(label: "ring_epoch")
    private let nodes = Gauge(label: "cluster_nodes")
    private let chunks = Gauge(label: "chunks_stored")
    private let chunkBytes = Gauge(label: "chunks_stored_bytes")
    private let repairsWaiting = Gauge(label: "chunk_repairs_waiting")
    private let repairsOldest = Gauge(label: "chunk_repairs_oldest_seconds")
    private let diskFree = Gauge(label: "disk_free_bytes")
    private let diskSize = Gauge(label: "disk_size_bytes")
    private let process = ProcessMetrics()

    init() {
        Gauge(label: "build_info", dimensions: [("version", Version.text)]).record(1)
    }

    func record(
        epoch: UInt64,
        nodes: Int,
        chunks: Int,
        chunkBytes: UInt64,
        healing: HealStatus,
        space: (sizeBytes: UInt64, freeBytes: UInt64)?
    ) {
        self.repairsWaiting.record(healing.waiting)
        self.repairsOldest.record(healing.oldestSeconds)
        self.epoch.record(Double(epoch))
        self.nodes.record(nodes)
        self.chunks.record(chunks)
        self.chunkBytes.record(Double(chunkBytes))
        if let space {
            self.diskFree.record(Double(space.freeBytes))
            self.diskSize.record(Double(space.sizeBytes))
        }
        self.process.refresh()
    }
}
