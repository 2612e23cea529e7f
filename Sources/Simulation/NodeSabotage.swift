import NIOCore
import PeerProtocol
import Runtime
import SimulatedRuntime
import StoreModel

/// Rules of whole nodes that the simulation breaks, from outside of the node's code.
package struct NodeSabotage: OptionSet, Hashable, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    /// A promise is not on disk before it is given.
    package static let volatilePromise = NodeSabotage(rawValue: 1 << 0)
    /// Rows are acknowledged before they are on disk.
    package static let rowsBeforeSync = NodeSabotage(rawValue: 1 << 1)
    /// Chunks are acknowledged before they are on disk.
    package static let chunksBeforeSync = NodeSabotage(rawValue: 1 << 2)
    /// Ballots of a node look alike in all its lives.
    package static let noIncarnation = NodeSabotage(rawValue: 1 << 3)
    /// A node acknowledges fences and keeps none.
    package static let noBucketFence = NodeSabotage(rawValue: 1 << 4)
    /// Nodes do not keep in mind how far they have seen the others.
    package static let rolledBackDiskAccepted = NodeSabotage(rawValue: 1 << 5)
    /// Conditions of puts are evaluated by a read before the change.
    package static let conditionOutside = NodeSabotage(rawValue: 1 << 6)

    /// Has the machine break the rules that concern its disk.
    func spoil(_ machine: SimulatedMachine) {
        if self.contains(.rowsBeforeSync) {
            machine.engine.lie { _ in true }
        } else if self.contains(.volatilePromise) {
            machine.engine.forget { batch in
                // A row without its entry in the index: nothing was accepted.
                let families = batch.changes.map { change in
                    switch change {
                    case .put(let family, _, _), .delete(let family, _): family
                    }
                }
                return families.contains(.rows) && !families.contains(.partitions)
            }
        }
        if self.contains(.chunksBeforeSync) { machine.disk.lie() }
    }
}

/// A node that acknowledges some requests without carrying them out.
struct SabotagedNode: PeerHandler {
    let node: any PeerHandler
    let sabotage: NodeSabotage

    func handle(_ request: PeerMessage, from sender: NodeID) async -> PeerMessage {
        guard !self.sabotage.isEmpty, let known = try? PeerRequest(request) else {
            return await self.node.handle(request, from: sender)
        }
        switch known {
        case .fence where self.sabotage.contains(.noBucketFence),
            .announce where self.sabotage.contains(.rolledBackDiskAccepted):
            return PeerReply.done(0).message(epoch: request.epoch)
        default:
            return await self.node.handle(request, from: sender)
        }
    }
}
