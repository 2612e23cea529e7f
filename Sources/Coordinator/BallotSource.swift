package import Runtime
package import StoreModel
import Synchronization

/// Draws ballots that nobody else draws: unique for the life of this process and, by the node's
/// number and incarnation in them, in the whole cluster.
package final class BallotSource: Sendable {
    private struct State {
        var node: UInt16 = 0
        var sequence: UInt16 = 0
        /// Highest round drawn from the clock.
        var round: UInt64 = 0
        /// Highest round drawn for recent manifests, whose rounds do not follow the clock.
        var manifests: [ManifestID: UInt64] = [:]
        /// The same manifests, oldest first from `oldest` on.
        var order: [ManifestID] = []
        var time: UInt64 = 0
    }

    /// Manifests remembered, at most.
    ///
    /// When one is forgotten, this many others have drawn ballots since, and each of them had
    /// another sequence number.
    private static let remembered = 32_768

    private let state = Mutex(State())
    let incarnation: UInt32
    private let clock: any TimeSource

    package init(incarnation: UInt32, clock: any TimeSource) {
        self.incarnation = incarnation
        self.clock = clock
    }

    /// Sets the number that the layout gives this node.
    ///
    /// Before there is a layout the proposers of the first one number themselves by their place
    /// among the configured nodes.
    package func become(node: UInt16) { self.state.withLock { $0.node = node } }

    /// A new ballot above `other` for the register of `key`.
    package func ballot(above other: Ballot, for key: RegisterKey) -> Ballot {
        let wall = self.clock.wallMicroseconds
        return self.state.withLock { state in
            state.sequence &+= 1
            let round: UInt64
            if case .manifest(let manifest) = key {
                round = max(other.round, manifest.birth.round, state.manifests[manifest] ?? 0) + 1
                Self.remember(round, for: manifest, in: &state)
            } else {
                round = max(other.round + 1, wall, state.round + 1)
                state.round = round
            }
            return self.ballot(round, state)
        }
    }

    /// The id of a new manifest whose register lies in `partition`.
    package func manifest(in partition: PartitionID) -> ManifestID {
        let wall = self.clock.wallMicroseconds
        return self.state.withLock { state in
            state.sequence &+= 1
            state.round = max(wall, state.round + 1)
            return ManifestID(partition: partition, birth: self.ballot(state.round, state))
        }
    }

    /// The present by a clock that never goes back in this process.
    package func now() -> HybridTime {
        let wall = self.clock.wallMicroseconds
        return self.state.withLock { state in
            state.time = max(wall, state.time + 1)
            return HybridTime(microseconds: state.time)
        }
    }

    private func ballot(_ round: UInt64, _ state: borrowing State) -> Ballot {
        Ballot(
            round: round,
            node: state.node,
            incarnation: self.incarnation,
            sequence: state.sequence
        )
    }

    private static func remember(_ round: UInt64, for manifest: ManifestID, in state: inout State) {
        if state.manifests.updateValue(round, forKey: manifest) == nil {
            state.order.append(manifest)
            if state.order.count > 2 * Self.remembered {
                for old in state.order.prefix(Self.remembered) { state.manifests[old] = nil }
                state.order.removeFirst(Self.remembered)
            }
        }
    }
}
