package import Placement
import StoreModel

/// What the real placement does with a cluster of equal nodes: balance, moves, and repair.
///
/// Nothing is stored: layouts are computed, compared, and counted in replicas of partitions. A
/// replica holds the same amount wherever it is, so counts are bytes up to a factor.
package struct PlacementStudy: Hashable, Sendable {
    /// Loads and counts over several cases: the least, the mean and the most.
    package struct Spread: Hashable, Sendable {
        package let least: Double
        package let mean: Double
        package let most: Double

        init(_ values: [Double]) {
            precondition(!values.isEmpty, "A spread of something.")
            self.least = values.reduce(.infinity, min)
            self.most = values.reduce(-.infinity, max)
            self.mean = values.reduce(0, +) / Double(values.count)
        }
    }

    /// Replicas that a change of members moves, beside those that it must.
    package struct Moves: Hashable, Sendable {
        package let moved: Int
        /// What the node that joined keeps, or what the one that left had kept.
        package let least: Int
    }

    /// What the loss of a node asks of the others, over many nodes lost one at a time.
    package struct Repair: Hashable, Sendable {
        /// Nodes that send, and that receive.
        package let senders: Spread
        package let receivers: Spread
        /// Replicas that the busiest node sends or receives: it decides how long the repair takes.
        package let busiest: Spread
    }

    package let nodes: Int
    package let zones: Int
    /// Partitions kept by a node.
    package let load: Spread
    package let adding: Moves
    package let removing: Moves
    package let repair: Repair
    /// Of all triples of nodes, the share that are all replicas of some partition: the chance that
    /// three nodes lost at once take something with them.
    package let fatalTriples: Double

    /// Replicas of all partitions.
    package static let replicas = Limit.partitions * Limit.replicas
    /// Nodes that are lost, one at a time, for ``Repair``; all of them if there are fewer.
    private static let lossesMax = 40

    package init(nodes: Int, zones: Int) throws(LayoutPlanError) {
        let members = (0..<nodes).map { Self.node($0, zone: $0 % zones) }
        let layout = try LayoutPlan.first(nodes: members)
        self.nodes = nodes
        self.zones = zones
        let loads = Self.loads(layout, count: nodes)
        self.load = Spread(loads.map(Double.init))

        let newcomer = Self.node(nodes, zone: nodes % zones)
        let larger = try LayoutPlan.next(after: layout, nodes: members + [newcomer])
        self.adding = Moves(
            moved: LayoutDifference(from: layout, to: larger).replicasMoved,
            least: Self.loads(larger, count: nodes + 1)[nodes]
        )
        // The one that keeps the most: it costs the most.
        let heaviest = loads.indices.max { loads[$0] < loads[$1] } ?? 0
        let smaller = try Self.without(heaviest, members, after: layout)
        self.removing = Moves(
            moved: smaller.replicasMoved,
            least: loads[heaviest]
        )
        let step = max(1, nodes / Self.lossesMax)
        var repairs: [(senders: Int, receivers: Int, busiest: Int)] = []
        for lost in stride(from: 0, to: nodes, by: step) where loads[lost] > 0 {
            let difference = try Self.without(lost, members, after: layout)
            repairs.append(Self.repair(difference, layout))
        }
        self.repair = Repair(
            senders: Spread(repairs.map { Double($0.senders) }),
            receivers: Spread(repairs.map { Double($0.receivers) }),
            busiest: Spread(repairs.map { Double($0.busiest) })
        )
        let sets = Set(layout.replicaSets.map { $0.sorted() }).count
        let count = Double(nodes)
        self.fatalTriples = Double(sets) / max(1, count * (count - 1) * (count - 2) / 6)
    }

    /// Seconds until every partition has its replicas again, if each node sends and receives
    /// `bytesPerSecond` and nodes keep `bytesPerNode` at the mean; the worst of the losses.
    package func repairSeconds(bytesPerNode: Double, bytesPerSecond: Double) -> Double {
        let replicaBytes = bytesPerNode * Double(self.nodes) / Double(Self.replicas)
        return self.repair.busiest.most * replicaBytes / bytesPerSecond
    }

    // MARK: Working it out

    private static func node(_ number: Int, zone: Int) -> LayoutNode {
        LayoutNode(
            id: NodeID(high: UInt64(number) &* 0x9E37_79B9_7F4A_7C15, low: UInt64(number)),
            name: "n\(number + 1)",
            zone: "z\(zone)",
            capacityBytes: 1 << 40,
            address: "n\(number + 1):7332"
        )
    }

    /// By number of the node, as they were made.
    private static func loads(_ layout: LayoutRecord, count: Int) -> [Int] {
        var byID: [NodeID: Int] = [:]
        for index in layout.replicaSets.joined() {
            byID[layout.nodes[Int(index)].id, default: 0] += 1
        }
        return (0..<count).map { byID[self.node($0, zone: 0).id] ?? 0 }
    }

    private static func without(
        _ lost: Int,
        _ members: [LayoutNode],
        after layout: LayoutRecord
    ) throws(LayoutPlanError) -> LayoutDifference {
        var rest = members
        rest.remove(at: lost)
        return LayoutDifference(from: layout, to: try LayoutPlan.next(after: layout, nodes: rest))
    }

    /// Every replica that is made anew comes from whichever of the old ones has sent the least.
    private static func repair(
        _ difference: LayoutDifference,
        _ layout: LayoutRecord
    ) -> (senders: Int, receivers: Int, busiest: Int) {
        var sent: [NodeID: Int] = [:]
        var received: [NodeID: Int] = [:]
        for change in difference.changes {
            guard let index = change.partition.index else { continue }
            let old = layout.replicaSets[index].map { layout.nodes[Int($0)].id }
            let sources = old.filter { !change.leaving.contains($0) }
            for joining in change.joining {
                received[joining, default: 0] += 1
                guard let source = sources.min(by: { sent[$0] ?? 0 < sent[$1] ?? 0 }) else {
                    continue
                }
                sent[source, default: 0] += 1
            }
        }
        let busiest = max(sent.values.max() ?? 0, received.values.max() ?? 0)
        return (senders: sent.count, receivers: received.count, busiest: busiest)
    }
}
