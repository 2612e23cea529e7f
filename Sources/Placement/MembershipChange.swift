package import StoreModel

/// Who is to be a member of the cluster from now on.
package enum MembershipChange: Hashable, Sendable, CustomStringConvertible {
    case add(LayoutNode)
    case remove(NodeID)
    /// One leaves and another joins, in one change: what the one kept goes to the other.
    case replace(NodeID, by: LayoutNode)

    /// The members after the change; those of a joint layout are the ones it leads to.
    package func members(after layout: LayoutRecord) -> [LayoutNode] {
        let present = layout.nodes.filter { $0.capacityBytes > 0 }
        switch self {
        case .add(let node): return present.filter { $0.id != node.id } + [node]
        case .remove(let id): return present.filter { $0.id != id }
        case .replace(let id, let node):
            return present.filter { $0.id != id && $0.id != node.id } + [node]
        }
    }

    /// Whether a layout has these members already, or leads to them.
    package func isDone(in layout: LayoutRecord) -> Bool {
        let present = Set(layout.nodes.filter { $0.capacityBytes > 0 }.map(\.id))
        switch self {
        case .add(let node): return present.contains(node.id)
        case .remove(let id): return !present.contains(id)
        case .replace(let id, let node): return !present.contains(id) && present.contains(node.id)
        }
    }

    package var description: String {
        switch self {
        case .add(let node): "add node \(node.name)"
        case .remove(let id): "remove node \(id.short)"
        case .replace(let id, let node): "replace node \(id.short) by \(node.name)"
        }
    }
}
