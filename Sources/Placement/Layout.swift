package import StoreModel

/// A layout, ready for look-ups.
///
/// While it is joint, a partition's replicas are those of the former set and those who join it, and
/// a majority is one of the former set *and* one of the latter.
package struct Layout: Hashable, Sendable {
    package let record: LayoutRecord
    /// The distinct replica sets of the ring's partitions, former ones included, each sorted:
    /// whoever has heard a majority of each has heard a majority of every partition.
    package let distinctReplicaSets: [[NodeID]]
    /// By partition and node, where that is not the first layout.
    private let entries: [Place: UInt64]

    private struct Place: Hashable, Sendable {
        let partition: PartitionID
        let node: UInt16
    }

    package init(_ record: LayoutRecord) {
        self.record = record
        let sets = Set((record.replicaSets + (record.former?.ring ?? [])).map { $0.sorted() })
        self.distinctReplicaSets = sets.sorted { $0.lexicographicallyPrecedes($1) }.map {
            $0.map { record.nodes[Int($0)].id }
        }
        self.entries = Dictionary(
            record.entries.map { (Place(partition: $0.partition, node: $0.node), $0.epoch) },
            uniquingKeysWith: max
        )
    }

    package var epoch: UInt64 { self.record.epoch }

    /// Whether replica sets are being changed.
    package var isJoint: Bool { self.record.isJoint }

    /// The nodes of the cluster, by index; in a joint layout those that are leaving are still among
    /// them, those that have left are not.
    package var members: [NodeID] {
        var leaving: Set<UInt16> = []
        if let former = self.record.former { leaving = Set(former.ring.joined() + former.system) }
        return self.record.nodes.indices.filter {
            self.record.nodes[$0].capacityBytes > 0 || leaving.contains(UInt16($0))
        }.map { self.record.nodes[$0].id }
    }

    /// The number of a node in ballots; nil if the layout does not know it.
    ///
    /// A node that has left keeps its number.
    package func index(of node: NodeID) -> UInt16? {
        self.record.nodes.firstIndex { $0.id == node }.map { UInt16($0) }
    }

    private func nodes(_ indices: [UInt16]) -> [NodeID] {
        indices.map { self.record.nodes[Int($0)].id }
    }

    /// The nodes that keep a partition, in ring order; in a joint layout the former ones first,
    /// then those who join.
    package func replicaSet(of partition: PartitionID) -> [NodeID] {
        let latter = self.record.sets[partition]
        guard let former = self.record.former?[partition] else { return self.nodes(latter) }
        return self.nodes(former + latter.filter { !former.contains($0) })
    }

    /// The sets of which each majority is needed: the one, or the former and the latter.
    package func quorumSets(of partition: PartitionID) -> [[NodeID]] {
        ((self.record.former.map { [$0[partition]] } ?? []) + [self.record.sets[partition]])
            .map { self.nodes($0) }
    }

    /// The nodes that are to keep a partition from the next stable layout on.
    package func latterSet(of partition: PartitionID) -> [NodeID] {
        self.nodes(self.record.sets[partition])
    }

    /// The nodes that kept a partition before the present change; nil if the layout is stable.
    package func formerSet(of partition: PartitionID) -> [NodeID]? {
        self.record.former.map { self.nodes($0[partition]) }
    }

    /// Whether the node of a number keeps a partition: whether ``replicaSet(of:)`` names it.
    package func isReplica(_ index: UInt16, of partition: PartitionID) -> Bool {
        self.record.sets[partition].contains(index)
            || self.record.former?[partition].contains(index) == true
    }

    /// The epoch of the layout by which a node has become a replica of a partition; nil if it is
    /// none.
    package func entryEpoch(of node: NodeID, in partition: PartitionID) -> UInt64? {
        guard let index = self.index(of: node), self.isReplica(index, of: partition) else {
            return nil
        }
        return self.entries[Place(partition: partition, node: index)] ?? 1
    }

    /// All nodes in the order in which they would take a partition over: its replica set, then the
    /// nodes of the partitions that follow on the ring, each once.
    ///
    /// Nodes that are leaving are not among them: what is stored anew goes to those who stay.
    package func preferenceList(of partition: PartitionID) -> [NodeID] {
        var list = self.record.sets[partition]
        let start = partition.index ?? 0
        for step in 0..<Limit.partitions where list.count < self.record.nodes.count {
            for index in self.record.replicaSets[(start + step) % Limit.partitions]
            where !list.contains(index) { list.append(index) }
        }
        return self.nodes(list)
    }

    /// All nodes that may have content of a partition, most likely first: as
    /// ``preferenceList(of:)``, then the former replicas, then whoever else is leaving.
    package func searchList(of partition: PartitionID) -> [NodeID] {
        let list = self.preferenceList(of: partition)
        guard self.isJoint else { return list }
        var others = self.formerSet(of: partition) ?? []
        others += self.members.filter { !others.contains($0) }
        return list + others.filter { !list.contains($0) }
    }
}
