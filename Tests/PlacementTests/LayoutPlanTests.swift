import StoreModel
import Testing

@testable import Placement

struct LayoutPlanTests {
    /// Everything that docs/protocol/layout.md promises of one layout.
    static func check(_ layout: LayoutRecord) throws {
        let present = layout.present
        let zones = Set(present.map(\.zone)).count
        let replicas = min(Limit.replicas, present.count)
        #expect(layout.replicaSets.count == Limit.partitions)
        for set in layout.replicaSets {
            #expect(set.count == replicas)
            #expect(Set(set).count == replicas)
            #expect(layout.zones(of: set).count == min(replicas, zones))
        }
        let system = layout.systemSet
        #expect(system.count == min(Limit.systemReplicas, present.count))
        #expect(Set(system).count == system.count)
        #expect(layout.zones(of: system).count == min(system.count, zones))
        for index in Set(layout.replicaSets.joined()).union(system) {
            #expect(layout.nodes[Int(index)].capacityBytes > 0, "\(index) has left")
        }
        Self.checkLoads(layout)
        #expect(try LayoutRecord(decoding: layout.encoded) == layout)
    }

    static func checkLoads(_ layout: LayoutRecord) {
        let members = Members(layout.nodes)
        let shares = FairShare.shares(of: members)
        let replicas = Limit.partitions * members.replicas
        #expect(abs(shares.reduce(0, +) - Double(replicas)) < 1e-3)
        let capacity = layout.present.reduce(0.0) { $0 + Double($1.capacityBytes) }
        for (member, index) in members.indices.enumerated() {
            let load = Double(layout.loads[Int(index)])
            #expect(abs(load - shares[member]) < 1, "load \(load), share \(shares[member])")
            if shares[member] >= 20 { #expect(abs(load - shares[member]) <= 0.05 * shares[member]) }
            let proportional = Double(replicas) * Double(members.capacities[member]) / capacity
            if Self.isFree(members) { #expect(abs(shares[member] - proportional) < 1e-3) }
        }
    }

    /// Whether proportional shares break neither the rule for nodes nor that for zones.
    private static func isFree(_ members: Members) -> Bool {
        let total = members.capacities.reduce(0.0) { $0 + Double($1) }
        let ring = Double(Limit.partitions)
        func share(_ capacity: Double) -> Double {
            ring * Double(members.replicas) * capacity / total
        }
        let perZone = (0..<members.zoneCount).map { zone in
            share(
                (0..<members.count).reduce(0.0) {
                    $0 + (members.zones[$1] == zone ? Double(members.capacities[$1]) : 0)
                }
            )
        }
        return members.capacities.allSatisfy { share(Double($0)) <= ring }
            && perZone.allSatisfy { members.zoneCount < members.replicas || $0 <= ring }
            && perZone.allSatisfy { members.zoneCount > members.replicas || $0 >= ring }
    }

    @Test("A first layout keeps all promises", arguments: UInt64(0)..<60)
    func first(seed: UInt64) throws {
        var random = TestRandom(seed: seed)
        let layout = try LayoutPlan.first(nodes: random.cluster())
        #expect(layout.epoch == 1)
        try Self.check(layout)
    }

    @Test("A first layout depends on the set of nodes only", arguments: UInt64(0)..<10)
    func order(seed: UInt64) throws {
        var random = TestRandom(seed: seed)
        let nodes = random.cluster()
        let shuffled = nodes.shuffled(using: &random)
        #expect(try LayoutPlan.first(nodes: nodes) == LayoutPlan.first(nodes: shuffled))
    }

    @Test("Layouts are the same in every release")
    func fingerprint() throws {
        let zones = ["a", "b", "c", "a", "b", "c", "d"]
        let first = try LayoutPlan.first(nodes: nodes(inZones: zones))
        let next = try LayoutPlan.next(after: first, nodes: nodes(inZones: zones + ["d"]))
        var hashes: [UInt64] = []
        for layout in [first, next] {
            var hash = StableHash()
            hash.combine(layout.encoded)
            hashes.append(hash.value)
        }
        #expect(hashes == [7_136_640_434_932_588_028, 4_645_952_134_634_889_823])
    }

    @Test("Whoever stands first in its replica sets changes: no node is the first of too many")
    func firstPlaces() throws {
        let layout = try LayoutPlan.first(nodes: nodes(inZones: ["a", "b", "c"]))
        for index in UInt16(0)..<3 {
            let firsts = layout.replicaSets.count { $0[0] == index }
            #expect((60...110).contains(firsts), "\(firsts) of 256")
        }
    }

    @Test("The load of a lost node falls on all others: every pair of nodes meets")
    func pairs() throws {
        let layout = try LayoutPlan.first(nodes: nodes(inZones: (0..<10).map { "z\($0)" }))
        for left in UInt16(0)..<10 {
            for right in UInt16(0)..<10 where left < right {
                let common = layout.replicaSets.count { $0.contains(left) && $0.contains(right) }
                #expect((5...35).contains(common), "\(common) in common, 17 expected")
            }
        }
    }

    @Test("What cannot be laid out is refused with the reason")
    func refusals() throws {
        let three = nodes(inZones: ["a", "b", "c"])
        #expect(throws: LayoutPlanError.noNodes) { try LayoutPlan.first(nodes: []) }
        #expect(throws: LayoutPlanError.sameNodeTwice(three[1].id)) {
            try LayoutPlan.first(nodes: three + [three[1]])
        }
        let empty = nodes(inZones: ["a"], capacityBytes: 0)
        #expect(throws: LayoutPlanError.withoutCapacity(empty[0].id)) {
            try LayoutPlan.first(nodes: empty)
        }
        let many = nodes(inZones: Array(repeating: "a", count: Limit.nodes + 1))
        #expect(throws: LayoutPlanError.tooManyNodes(count: 1_025, limit: 1_024)) {
            try LayoutPlan.first(nodes: many)
        }
        let layout = try LayoutPlan.first(nodes: three)
        let others = (0..<Limit.nodes - 2).map { number in
            LayoutNode(
                id: NodeID(high: 1, low: UInt64(number)),
                name: "m",
                zone: "a",
                capacityBytes: 1,
                address: "m:1"
            )
        }
        #expect(throws: LayoutPlanError.tooManyNodes(count: 1_025, limit: 1_024)) {
            try LayoutPlan.next(after: layout, nodes: others)
        }
    }

    @Test("Capacities at both ends of their range are laid out")
    func extremes() throws {
        var uneven = nodes(inZones: ["a", "b", "c", "d"], capacityBytes: .max)
        uneven += [
            LayoutNode(
                id: NodeID(high: 9, low: 9),
                name: "tiny",
                zone: "e",
                capacityBytes: 1,
                address: "tiny:1"
            )
        ]
        let layout = try LayoutPlan.first(nodes: uneven)
        try Self.check(layout)
        #expect(layout.loads[4] == 0, "one byte is worth no partition")
        #expect(Layout(layout).members.count == 5, "but the node is there")
    }
}
