import Crypto
package import Logging
package import NIOCore
import NIOPosix
package import Runtime
package import StoreModel
import Synchronization

/// Accepts the connections of other nodes and has their requests answered.
///
///     let server = try await PeerServer.start(settings, group: group, handler: node, logger:
///     logger) server.address             // where it listens, the port filled in
///     await server.shutdown()    // finishes what is under way, at most `within`
package final class PeerServer: Sendable {
    private struct Connections {
        var isShutDown = false
        var handshakes = 0
        var open: [ObjectIdentifier: Entry] = [:]
    }

    private struct Entry: Sendable {
        let channel: any Channel
        let drain: @Sendable () -> Void
    }

    private let settings: PeeringSettings
    private let handler: any PeerHandler
    private let met: @Sendable (NodeID) -> Void
    private let key: SymmetricKey
    private let logger: Logger
    private let instruments = PeerInstruments()
    private let connections = Mutex(Connections())
    private let listener: any Channel
    /// Bytes of long requests held.
    let budget: ByteBudget
    /// Where the server listens.
    package let address: PeerAddress

    private init(
        settings: PeeringSettings,
        handler: any PeerHandler,
        met: @escaping @Sendable (NodeID) -> Void,
        listener: any Channel,
        address: PeerAddress,
        logger: Logger
    ) {
        self.listener = listener
        self.settings = settings
        self.handler = handler
        self.met = met
        self.key = settings.secret.handshakeKey(cluster: settings.cluster)
        self.logger = logger
        self.budget = ByteBudget(bytes: settings.requestBytes)
        self.address = address
    }

    /// Begins to listen.
    ///
    /// Requests may arrive before this returns. `met` is told of every node that connects, as soon
    /// as it has proved itself: it is alive.
    ///
    /// - Throws: whatever the system says if the address cannot be bound.
    package static func start(
        _ settings: PeeringSettings,
        group: any EventLoopGroup,
        handler: any PeerHandler,
        logger: Logger,
        met: @escaping @Sendable (NodeID) -> Void = { _ in }
    ) async throws -> PeerServer {
        settings.checkInvariants()
        // The bound port is known only after the channel is there, and the server before its first
        // connection: those that come in between wait for it on their own loop.
        let started = group.next().makePromise(of: PeerServer.self)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(
                .recvAllocator,
                value: FixedSizeRecvByteBufferAllocator(capacity: 256)
            )
            .childChannelOption(
                .writeBufferWaterMark,
                value: .init(low: 256 << 10, high: 512 << 10)
            )
            .childChannelInitializer { channel in
                started.futureResult.hop(to: channel.eventLoop)
                    .flatMapThrowing { try $0.accept(channel) }
            }
        let channel: any Channel
        do {
            channel =
                try await bootstrap
                .bind(host: settings.listen.host, port: settings.listen.port).get()
        } catch {
            started.fail(error)
            throw error
        }
        let port = channel.localAddress?.port ?? settings.listen.port
        let server = PeerServer(
            settings: settings,
            handler: handler,
            met: met,
            listener: channel,
            address: PeerAddress(host: settings.listen.host, port: port),
            logger: logger
        )
        started.succeed(server)
        return server
    }

    /// Takes no more requests and connections.
    ///
    /// Waits at most `within` for those under way to be answered, and closes all connections.
    package func shutdown(within: Duration = .seconds(10)) async {
        let entries = self.connections.withLock { connections in
            connections.isShutDown = true
            return Array(connections.open.values)
        }
        try? await self.listener.close().get()
        for entry in entries { entry.drain() }
        let timer = self.listener.eventLoop.scheduleTask(in: TimeAmount(within)) {
            for entry in entries { entry.channel.close(promise: nil) }
        }
        for entry in entries { try? await entry.channel.closeFuture.get() }
        timer.cancel()
    }

    /// Channels of the connections that have proved themselves.
    ///
    /// For tests.
    var channels: [any Channel] { self.connections.withLock { $0.open.values.map(\.channel) } }

    // MARK: Connections

    private func accept(_ channel: any Channel) throws {
        let mayEnter = self.connections.withLock { connections in
            guard
                !connections.isShutDown, connections.handshakes < self.settings.handshakesMax,
                connections.open.count < self.settings.connectionsMax
            else { return false }
            connections.handshakes += 1
            return true
        }
        guard mayEnter else {
            self.refused(.tooManyConnections, channel)
            return channel.close(promise: nil)
        }
        let handshake = Handshake(
            role: .listener,
            own: self.settings.own,
            key: self.key,
            nonce: Handshake.freshNonce()
        )
        let handler = HandshakeHandler(handshake, timeout: self.settings.handshakeTimeout) {
            result,
            channel in
            self.connections.withLock { $0.handshakes -= 1 }
            switch result {
            case .success(let node): self.serve(node, on: channel)
            case .failure(let error): self.refused(error, channel)
            }
        }
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    private func refused(_ error: HandshakeError, _ channel: any Channel) {
        // Health checks of load balancers connect and say nothing: not worth a warning.
        let isProbe = error == .closed(receivedBytes: 0)
        if !isProbe { self.instruments.failed() }
        self.logger.log(
            level: isProbe ? .debug : .warning,
            "peer connection refused",
            metadata: [
                "reason": "\(error)",
                "peer.address": "\(channel.remoteAddress?.description ?? "unknown")",
            ]
        )
    }

    private func serve(_ node: NodeID, on channel: any Channel) {
        let id = ObjectIdentifier(channel)
        var logger = self.logger
        logger[metadataKey: "peer"] = "\(node.short)"
        let server = ServerConnection(
            node: node,
            handler: self.handler,
            settings: self.settings,
            budget: self.budget,
            instruments: self.instruments,
            logger: logger
        ) { _ in
            self.connections.withLock { $0.open[id] = nil }
        }
        let connection = FrameConnection(
            channel: channel,
            end: server,
            tickInterval: self.settings.pingInterval / 2,
            instruments: self.instruments,
            logger: logger
        )
        let bound = NIOLoopBound((server, connection), eventLoop: channel.eventLoop)
        let loop = channel.eventLoop
        let entry = Entry(channel: channel) {
            loop.execute { bound.value.0.drain(bound.value.1) }
        }
        do { try connection.install() } catch { return channel.close(promise: nil) }
        let isShutDown = self.connections.withLock { connections in
            connections.open[id] = entry
            return connections.isShutDown
        }
        if isShutDown { channel.close(promise: nil) }
        logger.debug("peer connected")
        self.met(node)
    }
}
