import StoreModel
import Testing

@testable import Placement

struct LayoutChangeTests {
    /// Moves that no layout with the same promises can do without.
    ///
    /// Whoever keeps less than its share rounded down must get the rest, and what keeps a place at
    /// most its share rounded up must give the rest away; what a node that leaves had must go
    /// somewhere; and a set that lacks zones must get them.
    static func leastMoves(from former: LayoutRecord, to latter: LayoutRecord) -> Int {
        let members = Members(latter.nodes)
        let shares = FairShare.shares(of: members)
        let loads = former.loads
        var missing = 0
        var surplus = 0
        var kept = 0
        for (member, index) in members.indices.enumerated() {
            let load = Int(index) < loads.count ? loads[Int(index)] : 0
            kept += load
            missing += max(0, Int((shares[member] + 1e-6).rounded(.down)) - load)
            surplus += max(0, load - Int((shares[member] - 1e-6).rounded(.up)))
        }
        let vacant = Limit.partitions * members.replicas - kept
        let forced = former.replicaSets.reduce(0) {
            $0 + Self.leastJoining(to: $1, members, shares, latter)
        }
        return max(missing, surplus + vacant, forced)
    }

    /// Nodes that must join one set: for each place that becomes vacant, and for each node and each
    /// zone that is to be in every set but is not in this one.
    private static func leastJoining(
        to set: [UInt16],
        _ members: Members,
        _ shares: [Double],
        _ latter: LayoutRecord
    ) -> Int {
        let left = members.members(of: set)
        let ring = Double(Limit.partitions) - 1e-3
        var joining = 0
        for zone in 0..<members.zoneCount {
            let inside = (0..<members.count).filter { members.zones[$0] == zone }
            let everywhere = inside.filter { shares[$0] > ring && !left.contains($0) }.count
            let isNeeded = inside.reduce(0) { $0 + shares[$1] } > ring
            let isAbsent = !inside.contains { left.contains($0) }
            joining += max(everywhere, isNeeded && isAbsent ? 1 : 0)
        }
        return max(joining, members.replicas - left.count)
    }

    private static func checkChange(from former: LayoutRecord, to latter: LayoutRecord) throws {
        try LayoutPlanTests.check(latter)
        #expect(latter.epoch == former.epoch + 1)
        for (old, new) in zip(former.nodes, latter.nodes) { #expect(old.id == new.id) }
        let least = Self.leastMoves(from: former, to: latter)
        let moved = LayoutDifference(from: former, to: latter).replicasMoved
        #expect(moved >= least, "the bound holds for every layout")
        if !Self.isTight(latter) {
            #expect(Double(moved) <= 1.2 * Double(least), "\(moved) moved, \(least) at least")
        }
        #expect(!Self.couldMoveLess(from: former, to: latter), "\(moved) moved")
    }

    /// Whether some node or zone is to be in nearly all sets: then the zone rule moves more than
    /// loads do.
    private static func isTight(_ layout: LayoutRecord) -> Bool {
        let members = Members(layout.nodes)
        let shares = FairShare.shares(of: members)
        let ring = Double(Limit.partitions)
        var zones = Array(repeating: 0.0, count: members.zoneCount)
        for member in 0..<members.count { zones[members.zones[member]] += shares[member] }
        let near = 0.8 * ring...1.25 * ring
        return shares.contains { near.contains($0) }
            || members.zoneCount != members.replicas && zones.contains { near.contains($0) }
    }

    /// Whether the same loads could be had with fewer moves.
    ///
    /// If so there is a ring of exchanges, each sound by itself, that gives every node back what it
    /// takes and saves moves in all: a cycle of negative cost, which Bellman and Ford's algorithm
    /// finds.
    private static func couldMoveLess(from former: LayoutRecord, to latter: LayoutRecord) -> Bool {
        let members = Members(latter.nodes)
        let before = former.replicaSets.map { members.members(of: $0) }
        let table = ReplicaTable(
            members,
            sets: latter.replicaSets.map { members.members(of: $0) }
        )
        func cost(_ member: Int, _ partition: Int) -> Int {
            before[partition].contains(member) ? 0 : 1
        }
        var edges: [[Int]] = Array(
            repeating: Array(repeating: 2, count: members.count),
            count: members.count
        )
        for partition in table.sets.indices {
            for leaving in table.sets[partition] {
                for joining in 0..<members.count {
                    let saved = cost(joining, partition) - cost(leaving, partition)
                    guard
                        saved < edges[leaving][joining],
                        table.accepts(joining, in: partition, for: leaving)
                    else { continue }
                    edges[leaving][joining] = saved
                }
            }
        }
        var distance = Array(repeating: 0, count: members.count)
        for _ in 0...members.count {
            var isShorter = false
            for leaving in 0..<members.count {
                for joining in 0..<members.count where edges[leaving][joining] < 2 {
                    let through = distance[leaving] + edges[leaving][joining]
                    if through < distance[joining] {
                        distance[joining] = through
                        isShorter = true
                    }
                }
            }
            if !isShorter { return false }
        }
        return true
    }

    @Test("Adding a node moves at most 1.2 times the least", arguments: UInt64(0)..<40)
    func add(seed: UInt64) throws {
        var random = TestRandom(seed: 1_000 + seed)
        let nodes = random.cluster()
        let first = try LayoutPlan.first(nodes: nodes)
        let grown = nodes + [random.node(zones: 6, largest: 10)]
        let next = try LayoutPlan.next(after: first, nodes: grown.shuffled(using: &random))
        try Self.checkChange(from: first, to: next)
        #expect(next.nodes.last?.id == grown.last?.id, "the newcomer has the next number")
    }

    @Test("Removing a node moves at most 1.2 times the least", arguments: UInt64(0)..<40)
    func remove(seed: UInt64) throws {
        var random = TestRandom(seed: 2_000 + seed)
        var nodes = random.cluster() + [random.node(zones: 6, largest: 10)]
        let first = try LayoutPlan.first(nodes: nodes)
        let gone = nodes.remove(at: Int.random(in: nodes.indices, using: &random))
        let next = try LayoutPlan.next(after: first, nodes: nodes)
        try Self.checkChange(from: first, to: next)
        #expect(!Layout(next).members.contains(gone.id))
        #expect(Layout(next).index(of: gone.id) == Layout(first).index(of: gone.id))
    }

    @Test("Promises hold after many changes in a row", arguments: UInt64(0)..<8)
    func history(seed: UInt64) throws {
        var random = TestRandom(seed: 3_000 + seed)
        var nodes = random.cluster()
        var layout = try LayoutPlan.first(nodes: nodes)
        for _ in 0..<8 {
            switch Int.random(in: 0..<3, using: &random) {
            case 0: nodes.append(random.node(zones: 6, largest: 10))
            case 1 where nodes.count > 1:
                nodes.remove(at: Int.random(in: nodes.indices, using: &random))
            default:
                let place = Int.random(in: nodes.indices, using: &random)
                let node = nodes[place]
                nodes[place] = LayoutNode(
                    id: node.id,
                    name: node.name,
                    zone: node.zone,
                    capacityBytes: UInt64.random(in: 1...10, using: &random) << 30,
                    address: node.address
                )
            }
            let next = try LayoutPlan.next(after: layout, nodes: nodes)
            try Self.checkChange(from: layout, to: next)
            layout = next
        }
    }

    @Test("Nothing moves if nothing changes", arguments: UInt64(0)..<10)
    func nothing(seed: UInt64) throws {
        var random = TestRandom(seed: 4_000 + seed)
        let nodes = random.cluster()
        let first = try LayoutPlan.first(nodes: nodes)
        let next = try LayoutPlan.next(after: first, nodes: nodes)
        #expect(LayoutDifference(from: first, to: next).changes.isEmpty)
        #expect(next.replicaSets == first.replicaSets && next.epoch == 2)
    }

    @Test("A node that leaves and comes back has its old number")
    func comeBack() throws {
        let all = nodes(inZones: ["a", "b", "c", "d"])
        let first = try LayoutPlan.first(nodes: all)
        let without = try LayoutPlan.next(after: first, nodes: Array(all.dropFirst()))
        #expect(without.nodes[0].capacityBytes == 0)
        let again = try LayoutPlan.next(after: without, nodes: all)
        #expect(again.nodes == first.nodes)
        try Self.checkChange(from: without, to: again)
    }

    @Test("The difference names who joins and who leaves, partition by partition")
    func difference() throws {
        let four = nodes(inZones: ["a", "b", "c", "c"])
        let first = try LayoutPlan.first(nodes: four)
        let next = try LayoutPlan.next(after: first, nodes: Array(four.dropLast()))
        let difference = LayoutDifference(from: first, to: next)
        let ring = difference.changes.filter { $0.partition != .system }
        #expect(ring.count == 128, "the fourth node had half of its zone's share")
        #expect(ring.allSatisfy { $0.joining == [four[2].id] && $0.leaving == [four[3].id] })
        #expect(difference.changes.last?.partition == .system)
        #expect(difference.changes.last?.leaving == [four[3].id])
        #expect(difference.replicasMoved == 128)
    }

    @Test("From one node to six and back, one at a time, a cluster moves the least each time")
    func growth() throws {
        let all = nodes(inZones: ["a", "b", "c", "a", "b", "c"])
        var layout = try LayoutPlan.first(nodes: [all[0]])
        var moved: [Int] = []
        for count in [2, 3, 4, 5, 6, 5, 4, 3, 2, 1] {
            let next = try LayoutPlan.next(after: layout, nodes: Array(all.prefix(count)))
            try Self.checkChange(from: layout, to: next)
            moved.append(LayoutDifference(from: layout, to: next).replicasMoved)
            layout = next
        }
        #expect(moved == [256, 256, 128, 128, 128, 128, 128, 128, 0, 0])
    }

    @Test(
        "The measured moves of docs/decisions/0008-placement.md",
        arguments: [
            (nodes: 10, zones: 10, added: 69, removed: 76),
            (nodes: 10, zones: 5, added: 69, removed: 76),
            (nodes: 10, zones: 1, added: 69, removed: 76),
            (nodes: 30, zones: 6, added: 24, removed: 25),
        ]
    )
    func measured(row: (nodes: Int, zones: Int, added: Int, removed: Int)) throws {
        let all = nodes(inZones: (0...row.nodes).map { "z\($0 % row.zones)" })
        let first = try LayoutPlan.first(nodes: Array(all.prefix(row.nodes)))
        let more = try LayoutPlan.next(after: first, nodes: all)
        try Self.checkChange(from: first, to: more)
        #expect(LayoutDifference(from: first, to: more).replicasMoved == row.added)
        let fewer = try LayoutPlan.next(after: first, nodes: Array(all.prefix(row.nodes - 1)))
        try Self.checkChange(from: first, to: fewer)
        #expect(LayoutDifference(from: first, to: fewer).replicasMoved == row.removed)
    }
}
