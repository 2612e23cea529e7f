import Placement
import StoreModel

/// The partitions that a node keeps by one layout.
struct KeptPartitions: Sendable {
    private let ring: [Bool]
    private let system: Bool

    init(_ layout: Layout, of node: NodeID) {
        self.ring = (0..<Limit.partitions).map {
            layout.replicaSet(of: PartitionID(index: $0)).contains(node)
        }
        self.system = layout.replicaSet(of: .system).contains(node)
    }

    func contains(_ partition: PartitionID) -> Bool {
        partition.index.map { self.ring[$0] } ?? self.system
    }
}
