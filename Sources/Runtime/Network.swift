package import StoreModel

/// Why a call to a node has no reply.
///
/// The node may have carried the request out all the same.
package enum NetworkError: Error, Hashable, Sendable {
    /// No connection, and none could be made. The request was not sent.
    case unreachable
    /// The connection broke after the request was sent.
    case disconnected
    case timedOut
    /// The request or the reply breaks the protocol.
    case refused(String)
    /// The caller's task was cancelled.
    case cancelled
    /// Too many calls to this node wait already; the bound is the implementation's.
    case overloaded
}

/// The door to the other nodes.
package protocol Network: Sendable {
    /// Sends `request` to `node` and waits for the reply, at most `timeout`.
    ///
    /// Cancelling the calling task abandons the call. Requests may be lost, late, or carried out
    /// without the caller learning of it; each reply belongs to its request. Must not be called for
    /// the own node.
    func call(
        _ node: NodeID,
        _ request: PeerMessage,
        within timeout: Duration
    ) async throws(NetworkError) -> PeerMessage
}

/// What answers the calls of other nodes.
package protocol PeerHandler: Sendable {
    /// Answers one request. Errors of the node are replies too; this does not throw.
    func handle(_ request: PeerMessage, from node: NodeID) async -> PeerMessage
}
