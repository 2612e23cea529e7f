package import Logging
package import NIOCore
package import Runtime
package import StoreModel
import Synchronization

/// The other nodes over TCP: one connection to each, made when it is first needed.
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
    private let group: any EventLoopGroup
    private let resolve: @Sendable (NodeID) -> String?
    private let links = Mutex<[NodeID: PeerLink]>([:])
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
        self.group = group
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
        return try await self.link(to: node).call(request, within: timeout)
    }

    /// Connects to an address and learns who answers there: it can be called from then on.
    ///
    /// - Throws: `refused` if the address is none, `unreachable` if nobody proves to be a node.
    package func connect(to address: String) async throws(NetworkError) -> NodeID {
        guard let address = PeerAddress(address) else {
            throw .refused("\(address) is not host:port")
        }
        let loop = self.group.next()
        let dialed = self.dialer.dial(address, on: loop, expected: nil) { node, channel in
            guard node != self.dialer.settings.own else { return channel.close(promise: nil) }
            self.learn(node, address)
            let link = self.link(to: node, preferring: loop)
            let isTaken = link.loop === loop && link.adopt(channel)
            if !isTaken { channel.close(promise: nil) }
        }
        do { return try await dialed.get() } catch { throw .unreachable }
    }

    /// Notes that a node is alive, since it has connected to this one.
    ///
    /// If it could not be reached before, the next call tries again without waiting for the end of
    /// the back-off: a node that is back may be needed at once, when another one goes.
    package func met(_ node: NodeID) {
        self.links.withLock { $0[node] }?.met()
    }

    /// Ends all calls with an error and closes all connections.
    ///
    /// Calls made later fail.
    package func shutdown() async {
        for link in self.links.withLock({ Array($0.values) }) { await link.shutdown() }
    }

    /// Bytes of long replies held on their way in.
    var budget: ByteBudget { self.dialer.budget }

    func link(to node: NodeID, preferring loop: (any EventLoop)? = nil) -> PeerLink {
        self.links.withLock { links in
            if let link = links[node] { return link }
            let link = PeerLink(to: node, on: loop ?? self.group.next(), dialer: self.dialer) {
                self.address(of: node)
            }
            links[node] = link
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
