import StoreModel

/// How many partitions each node is to keep.
///
/// Fair means in proportion to capacity, as far as no node keeps a partition twice and every
/// replica set can touch as many zones as there are, or as it has members: what a node or a zone
/// cannot take goes to the others, again in proportion. Source: docs/protocol/layout.md, "Shares".
enum FairShare {
    /// Differences below this are rounding of the arithmetic.
    private static let tolerance = 1e-6
    /// Halvings after which the level between two of `Double`'s numbers is found, whatever the
    /// capacities.
    private static let halvings = 1_200

    /// The shares of all members; their sum is the number of replicas of all partitions.
    static func shares(of members: Members) -> [Double] {
        let partitions = Double(Limit.partitions)
        let replicas = members.replicas
        var zones = Array(repeating: [Int](), count: members.zoneCount)
        for member in 0..<members.count { zones[members.zones[member]].append(member) }

        func wanted(_ member: Int, at level: Double) -> Double {
            min(level * Double(members.capacities[member]), partitions)
        }
        // With zones to spare a zone has at most one replica of a partition; without, at least one.
        let atLeast = members.zoneCount <= replicas ? partitions : 0
        let atMost = partitions * Double(max(1, replicas - members.zoneCount + 1))
        func wanted(ofZone zone: Int, at level: Double) -> Double {
            let sum = zones[zone].reduce(0) { $0 + wanted($1, at: level) }
            return min(max(sum, atLeast), atMost)
        }
        let level = self.level(total: partitions * Double(replicas)) { level in
            zones.indices.reduce(0) { $0 + wanted(ofZone: $1, at: level) }
        }
        var shares = Array(repeating: 0.0, count: members.count)
        for zone in zones.indices {
            let inside = self.level(total: wanted(ofZone: zone, at: level)) { level in
                zones[zone].reduce(0) { $0 + wanted($1, at: level) }
            }
            for member in zones[zone] { shares[member] = wanted(member, at: inside) }
        }
        return shares
    }

    /// The lowest level, up to the precision of `Double`, at which `amount` reaches `total`.
    private static func level(total: Double, amount: (Double) -> Double) -> Double {
        var low = 0.0
        // At this level a capacity of one byte fills a node.
        var high = Double(Limit.partitions)
        for _ in 0..<self.halvings {
            let middle = low + (high - low) / 2
            guard middle > low, middle < high else { break }
            if amount(middle) < total { low = middle } else { high = middle }
        }
        return high
    }

    /// The shares in whole partitions: each rounded up or down, and so is the sum of each zone.
    ///
    /// Whoever keeps as much already, going by `previousLoads`, is rounded up first.
    static func quotas(of members: Members, previousLoads: [Int]?) -> [Int] {
        let shares = self.shares(of: members)
        let loads = previousLoads ?? Array(repeating: 0, count: members.count)
        var zoneShares = Array(repeating: 0.0, count: members.zoneCount)
        var zoneLoads = Array(repeating: 0, count: members.zoneCount)
        for member in members.byID {
            zoneShares[members.zones[member]] += shares[member]
            zoneLoads[members.zones[member]] += loads[member]
        }
        let zoneQuotas = self.rounded(
            zoneShares,
            sum: Limit.partitions * members.replicas,
            loads: zoneLoads
        )
        var quotas = Array(repeating: 0, count: members.count)
        for zone in 0..<members.zoneCount {
            let inside = members.byID.filter { members.zones[$0] == zone }
            let rounded = self.rounded(
                inside.map { shares[$0] },
                sum: zoneQuotas[zone],
                loads: inside.map { loads[$0] }
            )
            for (member, quota) in zip(inside, rounded) { quotas[member] = quota }
        }
        return quotas
    }

    /// Rounds each value up or down so that they add up to `sum`.
    private static func rounded(_ values: [Double], sum: Int, loads: [Int]) -> [Int] {
        var whole = values.map { Int(($0 + self.tolerance).rounded(.down)) }
        func rest(_ place: Int) -> Double { values[place] - Double(whole[place]) }
        let order = values.indices.filter { rest($0) > self.tolerance }.sorted { left, right in
            let (leftKeeps, rightKeeps) = (loads[left] > whole[left], loads[right] > whole[right])
            if leftKeeps != rightKeeps { return leftKeeps }
            return (rest(right), left) < (rest(left), right)
        }
        let missing = sum - whole.reduce(0, +)
        precondition((0...order.count).contains(missing), "Rounding up some reaches the sum.")
        for place in order.prefix(missing) { whole[place] += 1 }
        return whole
    }
}
