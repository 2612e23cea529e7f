package import StoreModel

/// A network in which the own node can be called like any other.
///
/// Calls to the own node go straight to its handler: no bytes are copied and no socket is used.
package struct LoopbackNetwork: Network {
    package let own: NodeID
    private let handler: any PeerHandler
    private let remote: any Network

    package init(own: NodeID, handler: any PeerHandler, remote: any Network) {
        self.own = own
        self.handler = handler
        self.remote = remote
    }

    package func call(
        _ node: NodeID,
        _ request: PeerMessage,
        within timeout: Duration
    ) async throws(NetworkError) -> PeerMessage {
        if node == self.own { return await self.handler.handle(request, from: self.own) }
        return try await self.remote.call(node, request, within: timeout)
    }
}

/// Finds out who answers at an address; used until the layout names everybody.
package protocol SeedConnector: Sendable {
    /// Connects and authenticates. From then on the node can be called by its id.
    func connect(to address: String) async throws(NetworkError) -> NodeID
}
