import Coordinator
import Logging

/// Rules that a node breaks because a test asks for it: `cluster/chaos broken` (docs/testing.md).
///
/// No setting, so that none is listed or found by chance: an environment variable that says what
/// comes of it, with one value, and only for nodes of one machine.
enum BrokenRules {
    static let variable = "UNSAFE_TRIOLET_LOSES_DATA"
    static let quorumOfOne = "write-quorum-of-one"

    /// What the environment asks for; nothing unless it does.
    ///
    /// - Throws: if the node is none of a test.
    static func asked(
        by environment: [String: String],
        of peer: NodeConfiguration.Peer
    ) throws(Failure) -> Sabotage {
        guard let value = environment[self.variable] else { return [] }
        guard value == self.quorumOfOne else {
            throw Failure("\(self.variable) is set, to something unknown: unset it", .usage)
        }
        for address in [peer.listen, peer.advertise]
        where !["127.0.0.1", "::1", "localhost"].contains(address.host) {
            throw Failure(
                "\(self.variable) breaks the store on purpose, and is for tests on one machine:"
                    + " unset it (\(address) is reached from others)",
                .usage
            )
        }
        return [.registerQuorumOfOne, .chunkQuorumOfOne]
    }

    /// Says at every start that nothing is safe.
    static func warn(of sabotage: Sabotage, _ logger: Logger) {
        guard !sabotage.isEmpty else { return }
        logger.critical(
            "this node breaks its promises on purpose and WILL LOSE DATA",
            metadata: ["because of": "\(self.variable)=\(self.quorumOfOne)"]
        )
    }
}
