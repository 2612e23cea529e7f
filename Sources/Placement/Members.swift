import StoreModel

/// The nodes among which replicas are spread, numbered from 0 for the computation.
///
/// Nodes that have left are not among them.
struct Members {
    /// The index of each in the layout's list of nodes, ascending.
    let indices: [UInt16]
    let capacities: [UInt64]
    /// The zone of each; zones are numbered in order of name.
    let zones: [Int]
    let zoneCount: Int
    /// All members in order of node id: the order of all choices that nothing else decides.
    let byID: [Int]

    init(_ nodes: [LayoutNode]) {
        let present = nodes.indices.filter { nodes[$0].capacityBytes > 0 }
        let names = Set(present.map { nodes[$0].zone }).sorted {
            $0.utf8.lexicographicallyPrecedes($1.utf8)
        }
        let numbers = Dictionary(uniqueKeysWithValues: zip(names, names.indices))
        self.indices = present.map { UInt16($0) }
        self.capacities = present.map { nodes[$0].capacityBytes }
        self.zones = present.map { index in
            guard let zone = numbers[nodes[index].zone] else {
                preconditionFailure("Every member has a zone.")
            }
            return zone
        }
        self.zoneCount = names.count
        self.byID = present.indices.sorted { nodes[present[$0]].id < nodes[present[$1]].id }
    }

    var count: Int { self.indices.count }

    /// Replicas of each partition of the ring.
    var replicas: Int { min(Limit.replicas, self.count) }

    func indices(of members: [Int]) -> [UInt16] { members.map { self.indices[$0] } }

    /// Those of the nodes that are members, in the given order.
    func members(of indices: [UInt16]) -> [Int] {
        indices.compactMap { self.indices.firstIndex(of: $0) }
    }
}

extension LayoutNode {
    /// The entry of a node that has left.
    ///
    /// It keeps its number, so that ballots never mean somebody else.
    var departed: LayoutNode {
        LayoutNode(
            id: self.id,
            name: self.name,
            zone: self.zone,
            capacityBytes: 0,
            address: self.address
        )
    }
}
