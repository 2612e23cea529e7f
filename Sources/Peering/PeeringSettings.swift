import Runtime
package import StoreModel
import Wire

/// How a node talks to the others.
///
/// The bounds are per process unless they say otherwise. Memory for messages on their way in is at
/// most `requestBytes` plus `replyBytes`, plus ``FrameLimit/windowBytes`` for each open stream.
package struct PeeringSettings: Sendable {
    package var secret: ClusterSecret
    /// The id of the own node.
    package var own: NodeID
    /// Where the peer port listens; port 0 takes any free one.
    package var listen: PeerAddress
    /// Name of the cluster.
    ///
    /// Nodes with another name are refused.
    package var cluster = ""

    /// Longest wait for a connection, name look-up included.
    package var connectTimeout: Duration = .seconds(1)
    /// Longest time from a connection to the end of the handshake.
    package var handshakeTimeout: Duration = .seconds(2)
    /// How long calls wait for a node that could not be reached the last time.
    package var reconnectPatience: Duration = .milliseconds(100)
    /// Pause after a failed attempt to connect; doubled with each that follows.
    package var backOffMin: Duration = .milliseconds(50)
    package var backOffMax: Duration = .seconds(1)

    /// The asking end sends a ping after so much silence.
    package var pingInterval: Duration = .seconds(1)
    /// A ping that is not answered for so long ends the connection.
    package var deadAfter: Duration = .seconds(3)
    /// The answering end closes a connection on which nothing came for so long.
    package var idleTimeout: Duration = .seconds(10)
    /// A message whose sender got credit must have arrived after so long.
    package var receiveTimeout: Duration = .seconds(30)

    /// Most connections to one node: as many event loops as there are have one of their own.
    package var connectionsPerPeer = 4
    /// Calls to one node that may wait or be under way at once, for each of the connections.
    package var callsPerPeer = 1_024
    /// Streams open at once on one connection.
    ///
    /// Part of the protocol: the answering end closes a connection that opens more.
    package var streamsPerConnection = 256
    /// Requests of one connection that are carried out at once.
    package var requestsPerConnection = 128
    /// While so many bytes of replies wait on a connection, no more of its requests are begun.
    package var unsentReplyBytes = 16 << 20
    /// Connections that the answering end keeps.
    package var connectionsMax = 8 * Limit.nodes
    /// Connections that have not proved themselves yet.
    package var handshakesMax = 64
    /// Bytes of long requests held at once by the answering end.
    package var requestBytes = 64 << 20
    /// Bytes of long replies on their way in at once.
    package var replyBytes = 64 << 20

    package init(secret: ClusterSecret, own: NodeID, listen: PeerAddress) {
        self.secret = secret
        self.own = own
        self.listen = listen
    }
}

extension PeeringSettings {
    /// Longest message; budgets must hold one.
    package static let messageBytesMax = PeerMessage.headBytesMax + PeerMessage.bodyBytesMax

    func checkInvariants() {
        precondition(self.requestBytes >= Self.messageBytesMax, "No room for one request.")
        precondition(self.replyBytes >= Self.messageBytesMax, "No room for one reply.")
        precondition(self.connectionsPerPeer > 0)
        precondition(self.streamsPerConnection > 0 && self.requestsPerConnection > 0)
        precondition(self.callsPerPeer >= self.streamsPerConnection)
        precondition(self.deadAfter > self.pingInterval && self.idleTimeout > self.deadAfter)
    }
}
