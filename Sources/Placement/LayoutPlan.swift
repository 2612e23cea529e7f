package import StoreModel

/// Why no layout can be made of the given nodes.
package enum LayoutPlanError: Error, Hashable, Sendable {
    case noNodes
    /// Nodes that have left count too: they keep their numbers.
    case tooManyNodes(count: Int, limit: Int)
    case sameNodeTwice(NodeID)
    /// A capacity of zero is the mark of a node that has left.
    case withoutCapacity(NodeID)
}

/// Computes layouts: the same input gives the same layout on every node and in every release.
///
/// What holds for each of them is written down in docs/protocol/layout.md, "What a layout keeps".
package enum LayoutPlan {
    /// The layout with which a cluster begins, of epoch 1.
    ///
    /// Depends on the set of nodes, not on their order.
    package static func first(
        nodes: [LayoutNode]
    ) throws(LayoutPlanError) -> LayoutRecord {
        let nodes = try self.checked(nodes)
        let members = Members(nodes)
        let quotas = FairShare.quotas(of: members, previousLoads: nil)
        var table = ReplicaTable(members, sets: [])
        table.deal(quotas)
        return LayoutRecord(
            epoch: 1,
            nodes: nodes,
            replicaSets: table.sets.map { members.indices(of: $0) },
            systemSet: self.systemSet(members, previous: [])
        )
    }

    /// The layout that follows `previous` when the cluster is to consist of `nodes`.
    ///
    /// Moves as few replicas as a layout that keeps the promises can. Known nodes keep their
    /// numbers, new ones get the next in order of id; nodes that are no longer named stay in the
    /// list with a capacity of zero and are in no set.
    package static func next(
        after previous: LayoutRecord,
        nodes: [LayoutNode]
    ) throws(LayoutPlanError) -> LayoutRecord {
        let nodes = try self.numbered(try self.checked(nodes), after: previous)
        let members = Members(nodes)
        let kept = previous.replicaSets.map { members.members(of: $0) }
        var table = ReplicaTable(members, sets: kept)
        let quotas = FairShare.quotas(of: members, previousLoads: table.loads)
        var rebalance = Rebalance(table, quotas: quotas, epoch: previous.epoch + 1)
        rebalance.run()
        table = rebalance.table
        return LayoutRecord(
            epoch: previous.epoch + 1,
            nodes: nodes,
            replicaSets: table.sets.map { members.indices(of: $0) },
            systemSet: self.systemSet(members, previous: previous.systemSet)
        )
    }

    /// The first step of a change: the joint layout that follows a stable one when the cluster is
    /// to consist of `nodes`, with the sets of ``next(after:nodes:)``.
    ///
    /// - Precondition: `previous` is stable; one change is ended before the next begins.
    package static func joint(
        after previous: LayoutRecord,
        nodes: [LayoutNode]
    ) throws(LayoutPlanError) -> LayoutRecord {
        precondition(!previous.isJoint, "One change at a time.")
        let next = try self.next(after: previous, nodes: nodes)
        var entries = previous.entries
        for partition in PartitionID.all {
            for node in next.sets[partition] where !previous.sets[partition].contains(node) {
                entries.append(ReplicaEntry(partition: partition, node: node, epoch: next.epoch))
            }
        }
        return LayoutRecord(
            epoch: next.epoch,
            nodes: next.nodes,
            replicaSets: next.replicaSets,
            systemSet: next.systemSet,
            former: previous.sets,
            entries: entries.sorted(by: ReplicaEntry.precedes)
        )
    }

    /// The second step: the stable layout that follows a joint one.
    ///
    /// - Precondition: `joint` is joint.
    package static func stable(after joint: LayoutRecord) -> LayoutRecord {
        precondition(joint.isJoint, "Stable already.")
        return LayoutRecord(
            epoch: joint.epoch + 1,
            nodes: joint.nodes,
            replicaSets: joint.replicaSets,
            systemSet: joint.systemSet,
            entries: joint.entries.filter { joint.sets[$0.partition].contains($0.node) }
        )
    }

    /// The nodes in order of id.
    private static func checked(_ nodes: [LayoutNode]) throws(LayoutPlanError) -> [LayoutNode] {
        guard !nodes.isEmpty else { throw .noNodes }
        guard nodes.count <= Limit.nodes else {
            throw .tooManyNodes(count: nodes.count, limit: Limit.nodes)
        }
        let sorted = nodes.sorted { $0.id < $1.id }
        for (node, next) in zip(sorted, sorted.dropFirst()) where node.id == next.id {
            throw .sameNodeTwice(node.id)
        }
        for node in sorted where node.capacityBytes == 0 { throw .withoutCapacity(node.id) }
        return sorted
    }

    private static func numbered(
        _ wanted: [LayoutNode],
        after previous: LayoutRecord
    ) throws(LayoutPlanError) -> [LayoutNode] {
        let known = Set(previous.nodes.map(\.id))
        let named = Dictionary(uniqueKeysWithValues: wanted.map { ($0.id, $0) })
        let nodes =
            previous.nodes.map { named[$0.id] ?? $0.departed }
            + wanted.filter { !known.contains($0.id) }
        guard nodes.count <= Limit.nodes else {
            throw .tooManyNodes(count: nodes.count, limit: Limit.nodes)
        }
        return nodes
    }

    /// Chooses by zone first, so that as many zones as possible are in the set; then those who are
    /// in it.
    private static func systemSet(_ members: Members, previous: [UInt16]) -> [UInt16] {
        let before = members.members(of: previous)
        var chosen: [Int] = []
        var perZone = Array(repeating: 0, count: members.zoneCount)
        var waiting = before + members.byID.filter { !before.contains($0) }
        while chosen.count < Limit.systemReplicas, !waiting.isEmpty {
            var best = 0
            for place in waiting.indices
            where perZone[members.zones[waiting[place]]] < perZone[members.zones[waiting[best]]] {
                best = place
            }
            let member = waiting.remove(at: best)
            perZone[members.zones[member]] += 1
            chosen.append(member)
        }
        return members.indices(of: chosen)
    }
}
