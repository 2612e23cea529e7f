package import StoreModel

/// A layout, ready for look-ups.
package struct Layout: Hashable, Sendable {
    package let record: LayoutRecord
    /// The distinct replica sets of the ring's partitions, sorted: whoever has heard a majority of
    /// each has heard a majority of every partition.
    package let distinctReplicaSets: [[NodeID]]

    package init(_ record: LayoutRecord) {
        self.record = record
        let sets = Set(record.replicaSets.map { $0.sorted() })
        self.distinctReplicaSets = sets.sorted { $0.lexicographicallyPrecedes($1) }.map {
            $0.map { record.nodes[Int($0)].id }
        }
    }

    package var epoch: UInt64 { self.record.epoch }

    /// The nodes of the cluster, by index; those that have left are not among them.
    package var members: [NodeID] {
        self.record.nodes.filter { $0.capacityBytes > 0 }.map(\.id)
    }

    /// The number of a node in ballots; nil if the layout does not know it.
    ///
    /// A node that has left keeps its number.
    package func index(of node: NodeID) -> UInt16? {
        self.record.nodes.firstIndex { $0.id == node }.map { UInt16($0) }
    }

    private func indices(of partition: PartitionID) -> [UInt16] {
        partition.index.map { self.record.replicaSets[$0] } ?? self.record.systemSet
    }

    /// The nodes that keep a partition, in ring order.
    package func replicaSet(of partition: PartitionID) -> [NodeID] {
        self.indices(of: partition).map { self.record.nodes[Int($0)].id }
    }

    /// All nodes in the order in which they would take a partition over: its replica set, then the
    /// nodes of the partitions that follow on the ring, each once.
    package func preferenceList(of partition: PartitionID) -> [NodeID] {
        var list = self.indices(of: partition)
        let start = partition.index ?? 0
        for step in 0..<Limit.partitions where list.count < self.record.nodes.count {
            for index in self.record.replicaSets[(start + step) % Limit.partitions]
            where !list.contains(index) { list.append(index) }
        }
        return list.map { self.record.nodes[Int($0)].id }
    }
}
