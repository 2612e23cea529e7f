import Placement
import StoreModel

/// The partitions that a node keeps by one layout.
///
/// Looked up one by one: most requests are about few of them.
struct KeptPartitions: Sendable {
    private let layout: Layout
    /// Nil if the layout does not know the node.
    private let index: UInt16?

    init(_ layout: Layout, of node: NodeID) {
        self.layout = layout
        self.index = layout.index(of: node)
    }

    func contains(_ partition: PartitionID) -> Bool {
        self.index.map { self.layout.isReplica($0, of: partition) } ?? false
    }
}
