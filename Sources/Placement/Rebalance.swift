import StoreModel

/// Brings the replica sets of a former layout to new quotas with as few moves as possible.
///
/// What is kept moves nothing and so is the cheapest way to have it; from there the cheapest chain
/// of exchanges is carried out again and again, from a vacancy or a node with too much to a node
/// with too little. That is minimum-cost flow by successive shortest paths: a cheaper way to the
/// same loads does not exist at any time. A path through the flow's network never enters a
/// partition twice, so each link of a chain is one exchange in one partition that keeps the zone
/// rule by itself. Source: Ahuja, Magnanti, Orlin, "Network Flows" (1993), 9.7;
/// docs/decisions/0008-placement.md.
struct Rebalance {
    /// One replica changes hands; `leaving` is nil where a vacancy is filled.
    private struct Link {
        let partition: Int
        let leaving: Int?
        let joining: Int
    }

    /// Moves first, then links: a chain that could be cut short is never the shortest.
    private static let moveCost = 1 << 20

    private(set) var table: ReplicaTable
    private let quotas: [Int]
    /// Who had which partition: coming back to it is no move.
    private let before: [[Int]]
    /// The order in which partitions are looked at, so that a newcomer does not get neighbours.
    private let order: [Int]

    init(_ table: ReplicaTable, quotas: [Int], epoch: UInt64) {
        self.table = table
        self.quotas = quotas
        self.before = table.sets
        var random = StableRandom(seed: epoch)
        var order = Array(0..<Limit.partitions)
        for place in order.indices.reversed() { order.swapAt(place, random.below(place + 1)) }
        self.order = order
    }

    mutating func run() {
        for partition in self.order { self.makeSound(partition) }
        while let (chain, moves) = self.shortestChain() {
            for link in chain {
                self.table.exchange(link.leaving, for: link.joining, in: link.partition)
            }
            // Costs never fall from chain to chain, so one move in one link is as cheap as it gets
            // now.
            if moves == 1 { self.moveDirectly() }
        }
        for partition in self.order {
            precondition(
                self.table.vacancies(of: partition) == 0 && self.table.isSound(partition),
                "Quotas that leave room for the zone rule can be met."
            )
        }
        precondition(self.table.loads == self.quotas, "Quotas are met.")
    }

    private func surplus(_ member: Int) -> Int { self.table.loads[member] - self.quotas[member] }

    /// Drops whoever stands in the way of the zone rule, those with the most to spare first.
    private mutating func makeSound(_ partition: Int) {
        while !self.table.isSound(partition) {
            let zones = self.table.members.zones
            let set = self.table.sets[partition]
            let crowded = set.filter { member in
                set.count { zones[$0] == zones[member] } > 1
            }
            guard let leaving = crowded.max(by: { self.surplus($0) < self.surplus($1) }) else {
                preconditionFailure("A set in distinct zones keeps the zone rule.")
            }
            self.table.exchange(leaving, for: nil, in: partition)
        }
    }

    /// 0 for a return, 1 for a move.
    private func moves(_ member: Int, to partition: Int) -> Int {
        self.before[partition].contains(member) ? 0 : 1
    }

    /// Carries out all exchanges that fill a quota with one move and one link.
    private mutating func moveDirectly() {
        for partition in self.order {
            while self.table.vacancies(of: partition) > 0,
                let joining = self.neediest(for: nil, in: partition)
            {
                self.table.exchange(nil, for: joining, in: partition)
            }
            for leaving in self.table.sets[partition] where self.surplus(leaving) > 0 {
                guard
                    self.moves(leaving, to: partition) == 0,
                    let joining = self.neediest(for: leaving, in: partition)
                else { continue }
                self.table.exchange(leaving, for: joining, in: partition)
            }
        }
    }

    private func neediest(for leaving: Int?, in partition: Int) -> Int? {
        var best: Int?
        for member in self.table.members.byID where self.surplus(member) < 0 {
            if let best, self.surplus(best) <= self.surplus(member) { continue }
            if self.moves(member, to: partition) == 1,
                self.table.accepts(member, in: partition, for: leaving)
            {
                best = member
            }
        }
        return best
    }

    /// The cheapest chain from who has too much to who has too little; nil once the quotas are met.
    ///
    /// - Complexity: a few times replicas of all partitions × members.
    private func shortestChain() -> (chain: [Link], moves: Int)? {
        let count = self.table.members.count
        var cost = Array(repeating: Int.max, count: count)
        var last: [Link?] = Array(repeating: nil, count: count)
        var isWaiting = Array(repeating: false, count: count)
        var waiting: [Int] = []
        func reach(_ member: Int, _ newCost: Int, _ link: Link?) {
            guard newCost < cost[member] else { return }
            (cost[member], last[member]) = (newCost, link)
            if !isWaiting[member] {
                isWaiting[member] = true
                waiting.append(member)
            }
        }
        func extend(_ partition: Int, _ leaving: Int?, _ start: Int) {
            for joining in self.table.members.byID
            where self.table.accepts(joining, in: partition, for: leaving) {
                let gain = leaving.map { self.moves($0, to: partition) } ?? 0
                let moves = self.moves(joining, to: partition) - gain
                reach(
                    joining,
                    start + moves * Self.moveCost + 1,
                    Link(partition: partition, leaving: leaving, joining: joining)
                )
            }
        }
        for member in self.table.members.byID where self.surplus(member) > 0 {
            reach(member, 0, nil)
        }
        for partition in self.order where self.table.vacancies(of: partition) > 0 {
            extend(partition, nil, 0)
        }
        var next = 0
        while next < waiting.count {
            let member = waiting[next]
            next += 1
            isWaiting[member] = false
            for partition in self.order where self.table.sets[partition].contains(member) {
                extend(partition, member, cost[member])
            }
        }
        let reached = self.table.members.byID.filter { self.surplus($0) < 0 && cost[$0] < .max }
        guard let end = reached.min(by: { cost[$0] < cost[$1] }) else { return nil }
        var chain: [Link] = []
        var member: Int? = end
        while let current = member, let link = last[current] {
            chain.append(link)
            member = link.leaving
            precondition(chain.count <= count, "A chain visits a node once.")
        }
        let moves = (cost[end] - chain.count) / Self.moveCost
        return (chain.reversed(), moves)
    }
}
