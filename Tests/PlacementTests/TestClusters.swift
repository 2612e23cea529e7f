import Placement
import StoreModel

/// Random numbers of a test; the seed is the test's argument.
struct TestRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed &* 0xd134_2543_de82_ef95 &+ 1 }

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func node(zones: Int, largest: UInt64) -> LayoutNode {
        let id = NodeID(high: self.next(), low: self.next())
        return LayoutNode(
            id: id,
            name: "n\(id.short)",
            zone: "z\(Int.random(in: 0..<zones, using: &self))",
            capacityBytes: UInt64.random(in: 1...largest, using: &self) << 30,
            address: "\(id.short):7332"
        )
    }

    /// 1 to 14 nodes in up to 6 zones, equal or up to ten times as large as others.
    mutating func cluster() -> [LayoutNode] {
        let zones = Int.random(in: 1...6, using: &self)
        let largest: UInt64 = Bool.random(using: &self) ? 1 : 10
        return (0..<Int.random(in: 1...14, using: &self)).map { _ in
            self.node(zones: zones, largest: largest)
        }
    }
}

/// Nodes named by number, of equal size, each in the zone given for it.
func nodes(inZones zones: [String], capacityBytes: UInt64 = 1 << 40) -> [LayoutNode] {
    zones.enumerated().map { number, zone in
        LayoutNode(
            id: NodeID(high: 0, low: UInt64(number + 1)),
            name: "n\(number + 1)",
            zone: zone,
            capacityBytes: capacityBytes,
            address: "n\(number + 1):7332"
        )
    }
}

extension LayoutRecord {
    var present: [LayoutNode] { self.nodes.filter { $0.capacityBytes > 0 } }

    /// Partitions kept, by node index.
    var loads: [Int] {
        var loads = Array(repeating: 0, count: self.nodes.count)
        for index in self.replicaSets.joined() { loads[Int(index)] += 1 }
        return loads
    }

    func zones(of set: [UInt16]) -> Set<String> { Set(set.map { self.nodes[Int($0)].zone }) }
}
