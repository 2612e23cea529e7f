package import StoreModel

/// What changes from one layout to another: who has to fetch what, and who may drop it afterwards.
package struct LayoutDifference: Hashable, Sendable {
    /// One partition whose replica set changes.
    package struct Change: Hashable, Sendable {
        package let partition: PartitionID
        package let joining: [NodeID]
        package let leaving: [NodeID]
    }

    /// Changes of the ring's partitions in order, then of the system partition; empty if no set
    /// changes.
    package let changes: [Change]

    /// - Precondition: both layouts number their nodes alike, as one that follows another does.
    package init(from former: LayoutRecord, to latter: LayoutRecord) {
        func change(_ partition: PartitionID, _ old: [UInt16], _ new: [UInt16]) -> Change? {
            let joining = new.filter { !old.contains($0) }
            let leaving = old.filter { !new.contains($0) }
            guard !joining.isEmpty || !leaving.isEmpty else { return nil }
            return Change(
                partition: partition,
                joining: joining.map { latter.nodes[Int($0)].id },
                leaving: leaving.map { former.nodes[Int($0)].id }
            )
        }
        let ring = (0..<Limit.partitions).compactMap {
            change(PartitionID(index: $0), former.replicaSets[$0], latter.replicaSets[$0])
        }
        let system = change(.system, former.systemSet, latter.systemSet)
        self.changes = ring + (system.map { [$0] } ?? [])
    }

    /// Replicas of the ring's partitions that have to be made at a node that has none.
    package var replicasMoved: Int {
        self.changes.reduce(0) { $0 + ($1.partition == .system ? 0 : $1.joining.count) }
    }
}
