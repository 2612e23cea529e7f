import StoreModel

/// The replica sets while they are worked out; they may still have vacancies.
///
/// The zone rule: a set touches as many zones as there are, or as it has members. A set with
/// vacancies keeps it if they can make up for the zones it lacks.
struct ReplicaTable {
    let members: Members
    private(set) var sets: [[Int]]
    /// Partitions kept, by member.
    private(set) var loads: [Int]

    init(_ members: Members, sets: [[Int]]) {
        self.members = members
        self.sets = sets
        self.loads = Array(repeating: 0, count: members.count)
        for member in sets.joined() { self.loads[member] += 1 }
    }

    func vacancies(of partition: Int) -> Int {
        self.members.replicas - self.sets[partition].count
    }

    /// Whether a set keeps the zone rule after the exchange; nil stands for a vacancy.
    func isSound(_ partition: Int, without leaving: Int? = nil, with joining: Int? = nil) -> Bool {
        let zones = self.members.zones
        var seen: [Int] = []
        var count = 0
        for member in self.sets[partition] where member != leaving {
            count += 1
            if !seen.contains(zones[member]) { seen.append(zones[member]) }
        }
        if let joining {
            count += 1
            if !seen.contains(zones[joining]) { seen.append(zones[joining]) }
        }
        let replicas = self.members.replicas
        let lacking = min(replicas, self.members.zoneCount) - seen.count
        return count <= replicas && lacking <= replicas - count
    }

    /// Whether the node can take the place of `leaving`, or a vacancy.
    func accepts(_ joining: Int, in partition: Int, for leaving: Int?) -> Bool {
        !self.sets[partition].contains(joining)
            && self.isSound(partition, without: leaving, with: joining)
    }

    /// The newcomer gets the place of the one who leaves, or the last.
    mutating func exchange(_ leaving: Int?, for joining: Int?, in partition: Int) {
        if let leaving {
            guard let place = self.sets[partition].firstIndex(of: leaving) else {
                preconditionFailure("\(leaving) is not in partition \(partition).")
            }
            self.loads[leaving] -= 1
            if let joining {
                self.sets[partition][place] = joining
            } else {
                self.sets[partition].remove(at: place)
            }
        } else if let joining {
            self.sets[partition].append(joining)
        }
        if let joining { self.loads[joining] += 1 }
    }

    // MARK: - First layout

    /// Exchanges tried per replica of the first layout; the pairs of nodes are well mixed long
    /// before.
    private static let mixing = 16

    /// Fills an empty table so that every member keeps as many partitions as its quota says.
    ///
    /// Members stand in a row, zone by zone, each as long as its quota, and the row is wound around
    /// the ring of partitions: a partition gets whoever lies over it. Nobody is longer than the
    /// ring, so nobody meets a partition twice; and a zone at most as long as the ring meets each
    /// once at most, a longer one each once at least. Sound exchanges then mix who meets whom, and
    /// loads stay as they are. Source: McNaughton, "Scheduling with deadlines and loss functions"
    /// (1959), the wrap-around rule.
    mutating func deal(_ quotas: [Int]) {
        self.sets = Array(repeating: [], count: Limit.partitions)
        self.loads = quotas
        let row = (0..<self.members.zoneCount).flatMap { zone in
            self.members.byID.filter { self.members.zones[$0] == zone }
        }
        var slot = 0
        for member in row {
            for _ in 0..<quotas[member] {
                self.sets[slot % Limit.partitions].append(member)
                slot += 1
            }
        }
        precondition(slot == Limit.partitions * self.members.replicas, "Quotas add up.")
        self.mix()
    }

    private mutating func mix() {
        var random = StableRandom(seed: 1)
        for _ in 0..<(Limit.partitions * self.members.replicas * Self.mixing) {
            let (left, right) = (random.below(Limit.partitions), random.below(Limit.partitions))
            let leftPlace = random.below(self.sets[left].count)
            let rightPlace = random.below(self.sets[right].count)
            let (leftMember, rightMember) = (
                self.sets[left][leftPlace], self.sets[right][rightPlace]
            )
            guard
                self.accepts(rightMember, in: left, for: leftMember),
                self.accepts(leftMember, in: right, for: rightMember)
            else { continue }
            self.sets[left][leftPlace] = rightMember
            self.sets[right][rightPlace] = leftMember
        }
        for partition in self.sets.indices {
            // Whoever stands first is asked first by readers who have no copy: that must not always
            // be the member of the first zone.
            let first = random.below(self.sets[partition].count)
            let set = self.sets[partition]
            self.sets[partition] = Array(set[first...] + set[..<first])
        }
    }
}

/// Numbers that are the same in every release (SplitMix64), to mix with; nothing secret.
struct StableRandom {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(self.next() % UInt64(bound)) }
}
