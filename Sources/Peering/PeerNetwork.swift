package import Logging
package import NIOCore
import NIOPosix
package import Runtime
package import StoreModel
import Synchronization

/// The other nodes over TCP: to each a connection for each event loop that calls it.
///
/// So a call changes loops neither on its way out nor on its way back. There are at most
/// ``PeeringSettings/connectionsPerPeer``, each made when it is first needed.
///
///     let network = PeerNetwork(settings, group: group, logger: log) { layouts.address(of: $0) }
///     let node = try await network.connect(to: "10.0.0.2:7332")   // before there is a layout
///     let reply = try await network.call(node, request, within: .seconds(5))
///     await network.shutdown()
///
/// A node that cannot be reached fails calls at once, and is tried again with the first call after
/// the back-off, which ends when the node shows itself (``met(_:)``). Connections carry requests
/// one way only: the other node makes its own.
package final class PeerNetwork: Network, SeedConnector {
    private let dialer: PeerDialer
    private let resolve: @Sendable (NodeID) -> String?
    /// Loops that have connections.
    private let lanes: [any EventLoop]
    /// Which of them calls from a loop use, by its place in `lanes`.
    private let laneOfLoop: [ObjectIdentifier: Int]
    /// For each node a place for each lane.
    private let links = Mutex<[NodeID: [PeerLink?]]>([:])
    /// Where nodes answered that ``connect(to:)`` found; used while `resolve` knows nothing better.
    private let learned = Mutex<[NodeID: PeerAddress]>([:])

    /// Connects nobody yet; `resolve` gives the address of a node's peer port by the layout, or
    /// nil.
    package init(
        _ settings: PeeringSettings,
        group: any EventLoopGroup,
        logger: Logger,
        resolve: @escaping @Sendable (NodeID) -> String?
    ) {
        self.dialer = PeerDialer(settings: settings, logger: logger)
        let loops = Array(group.makeIterator())
        let lanes = Array(loops.prefix(settings.connectionsPerPeer))
        self.lanes = lanes
        self.laneOfLoop = Dictionary(
            uniqueKeysWithValues: loops.enumerated().map {
                (ObjectIdentifier($1), $0 % lanes.count)
            }
        )
        self.resolve = resolve
    }

    package func call(
        _ node: NodeID,
        _ request: PeerMessage,
        within timeout: Duration
    ) async throws(NetworkError) -> PeerMessage {
        precondition(
            node != self.dialer.settings.own,
            "The own node is not called over the network."
        )
        guard request.head.readableBytes <= PeerMessage.headBytesMax else {
            throw .refused("head of \(request.head.readableBytes) bytes")
        }
        guard request.body.readableBytes <= PeerMessage.bodyBytesMax else {
            throw .refused("body of \(request.body.readableBytes) bytes")
        }
        return try await self.link(to: node, self.lane).call(request, within: timeout)
    }

    /// Connects to an address and learns who answers there: it can be called from then on.
    ///
    /// - Throws: `refused` if the address is none, `unreachable` if nobody proves to be a node.
    package func connect(to address: String) async throws(NetworkError) -> NodeID {
        guard let address = PeerAddress(address) else {
            throw .refused("\(address) is not host:port")
        }
        let lane = self.lane
        let loop = self.lanes[lane]
        let dialed = self.dialer.dial(address, on: loop, expected: nil) { node, channel in
            guard node != self.dialer.settings.own else { return channel.close(promise: nil) }
            self.learn(node, address)
            let isTaken = self.link(to: node, lane).adopt(channel)
            if !isTaken { channel.close(promise: nil) }
        }
        do { return try await dialed.get() } catch { throw .unreachable }
    }

    /// Notes that a node is alive, since it has connected to this one.
    ///
    /// If it could not be reached before, the next call tries again without waiting for the end of
    /// the back-off: a node that is back may be needed at once, when another one goes.
    package func met(_ node: NodeID) {
        for link in self.links.withLock({ $0[node] ?? [] }) { link?.met() }
    }

    /// Ends all calls with an error and closes all connections.
    ///
    /// Calls made later fail.
    package func shutdown() async {
        let links = self.links.withLock { $0.values.joined().compactMap(\.self) }
        for link in links { await link.shutdown() }
    }

    /// Bytes of long replies held on their way in.
    var budget: ByteBudget { self.dialer.budget }

    /// The lane of whoever calls: of its loop, or the first if it is on none.
    private var lane: Int {
        MultiThreadedEventLoopGroup.currentEventLoop
            .flatMap { self.laneOfLoop[ObjectIdentifier($0)] } ?? 0
    }

    func link(to node: NodeID, _ lane: Int) -> PeerLink {
        self.links.withLock { links in
            if let link = links[node]?[lane] { return link }
            let link = PeerLink(to: node, on: self.lanes[lane], dialer: self.dialer) {
                self.address(of: node)
            }
            links[node, default: Array(repeating: nil, count: self.lanes.count)][lane] = link
            return link
        }
    }

    private func address(of node: NodeID) -> PeerAddress? {
        if let text = self.resolve(node), let address = PeerAddress(text) { return address }
        return self.learned.withLock { $0[node] }
    }

    private func learn(_ node: NodeID, _ address: PeerAddress) {
        self.learned.withLock { learned in
            guard learned[node] != nil || learned.count < Limit.nodes else { return }
            learned[node] = address
        }
    }
}
