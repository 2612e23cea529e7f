import AdminAPI
import Coordinator
import Foundation
import Logging
import MetadataStore
import Metrics
import NIOPosix
import PeerProtocol
import Peering
import Placement
import Platform
import Runtime
import S3Gateway
import S3Protocol
import ServiceLifecycle
import StorageNode
import StoreModel
import UnixSignals

/// One node, put together from its parts: what `triolet serve` runs.
///
///     data directory ─► engine, disk ─► StorageNode ◄── PeerServer ◄── other nodes
///                                            ▲
///     S3 clients ──► S3Gateway ──► Coordinator ──► LoopbackNetwork ──► PeerNetwork ──► other nodes
///                                            ▲
///     admin port ──► AdminServer ────────────┘
///
/// Everything is opened here, in this order, and closed in the reverse one.
enum NodeProcess {
    /// How long requests in flight may go on after the first signal.
    private static let drainTimeout = Duration.seconds(45)
    /// How long work behind answered requests may go on after that.
    private static let backgroundTimeout = Duration.seconds(5)

    /// Runs the node; returns after SIGTERM or SIGINT, when everything is closed.
    static func run(_ configuration: NodeConfiguration) async throws {
        let logger = Logger(label: "triolet.node")
        let registry = MetricsRegistry()
        MetricsSystem.bootstrap(registry)
        let group = MultiThreadedEventLoopGroup.singleton

        // What is durable.
        let directory = try DataDirectory.hold(configuration.node.data)
        let root = try configuration.root ?? RootKeyFile.readOrCreate(in: directory.path)
        let background = TaskBackground()
        let doors = Doors.system(background: background)
        let engine = try await self.openEngine(directory, configuration)
        let node = try await self.openNode(directory, engine, doors, configuration)

        // The way to the other nodes, and theirs to this one.
        let peering = try configuration.peering(own: node.id)
        let layouts = node.layouts
        let remote = PeerNetwork(peering, group: group, logger: Logger(label: "triolet.peering")) {
            layouts.layout?.address(of: $0)
        }
        let network = LoopbackNetwork(own: node.id, handler: node, remote: remote)
        node.attach(network)
        let peers = try await self.bound("peer", configuration.peer.listen) {
            try await PeerServer.start(
                peering,
                group: group,
                handler: node,
                logger: Logger(label: "triolet.peering"),
                met: { remote.met($0) }
            )
        }

        // What clients talk to.
        let coordinator = Coordinator(
            network: network,
            layouts: layouts,
            doors: doors,
            ballots: BallotSource(incarnation: node.incarnation, clock: doors.time),
            settings: configuration.coordinator,
            undertakings: node.undertakings
        )
        node.serve(changes: coordinator.receiver)
        let membership = MembershipService(
            coordinator: coordinator,
            own: node.description,
            seeds: configuration.peer.seeds,
            connector: remote,
            buckets: configuration.buckets,
            logger: logger
        )
        let admin = AdminServer(
            settings: configuration.adminServer,
            source: NodeAdmin(
                node: node,
                coordinator: coordinator,
                caller: PeerCaller(network: network, layouts: layouts),
                directory: directory,
                membership: membership
            ),
            access: NodeAccess(
                store: coordinator,
                settings: KeyRoster.Settings(
                    rootKey: root.accessKey,
                    users: configuration.users.users
                )
            ),
            registry: registry,
            logger: Logger(label: "triolet.admin")
        )
        let certificate = try configuration.tls.map { try CertificateFiles($0) }
        let gateway = configuration.gateway(
            store: coordinator,
            root: root,
            doors: doors,
            group: group,
            tls: certificate?.configuration
        )

        // The last one stops first: clients are drained while the node still has its cluster.
        var services = ServiceGroupConfiguration(
            services: [
                .init(service: MemoryService()),
                .init(service: PeerService(server: peers)),
                .init(service: configuration.admin.service(admin)),
                .init(service: membership),
                .init(service: configuration.s3.service(gateway)),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Logger(label: "triolet.lifecycle")
        )
        if let certificate {
            services.services.insert(.init(service: certificate), at: 0)
        }
        services.maximumGracefulShutdownDuration = self.drainTimeout
        logger.info("node started", metadata: configuration.summary(of: node.id))
        let outcome = await Result { try await ServiceGroup(configuration: services).run() }

        let abandoned = await background.finish(within: self.backgroundTimeout)
        node.detach()
        await remote.shutdown()
        await engine.close()
        logger.info("node stopped", metadata: ["abandoned_tasks": "\(abandoned)"])
        try outcome.get()
    }

    private static func openNode(
        _ directory: DataDirectory,
        _ engine: RocksEngine,
        _ doors: Doors,
        _ configuration: NodeConfiguration
    ) async throws -> StorageNode {
        do {
            return try await StorageNode.open(
                disk: try FileDirectory.open(directory.chunks),
                engine: engine,
                doors: doors,
                settings: try configuration.storageNode(in: directory),
                logger: Logger(label: "triolet.storage")
            )
        } catch let error as StorageNodeError { throw Failure(unusable: directory.path, error) }
    }

    private static func openEngine(
        _ directory: DataDirectory,
        _ configuration: NodeConfiguration
    ) async throws -> RocksEngine {
        let path = directory.rows
        let syncs = SyncInstruments(.rows)
        let settings = RocksSettings(blockCacheBytes: configuration.rowCacheBytes)
        // Opening replays a log: not on a thread that serves sockets.
        let opened = await WorkerThreads.shared.run {
            Result { () throws(EngineError) in
                try RocksEngine(path: path, settings: settings) { syncs.synced(writes: $0) }
            }
        }
        switch opened {
        case .success(let engine): return engine
        case .failure(let error): throw Failure(unusable: path, error)
        }
    }

    /// Says which port could not be had, not only that one could not.
    private static func bound<Server>(
        _ name: String,
        _ address: SocketName,
        _ start: () async throws -> Server
    ) async throws -> Server {
        do { return try await start() } catch {
            throw Failure("cannot listen on \(name).listen, \(address): \(error)")
        }
    }
}

extension Result where Failure == any Error {
    /// What `body` returns or throws.
    init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}

extension Layout {
    /// Where the peer port of a node is reached; nil if the layout does not know it.
    func address(of node: NodeID) -> String? {
        self.record.nodes.first { $0.id == node }?.address
    }
}
