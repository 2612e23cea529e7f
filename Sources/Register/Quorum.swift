package import StoreModel

/// The smallest number of replicas that any two quorums share a member of: more than half.
func majority(of count: Int) -> Int {
    precondition(count > 0, "A register has replicas.")
    return count / 2 + 1
}

/// Which answers are enough: a majority of one set of replicas, or one of each of two.
///
/// Replicas are known by their places. While replica sets are being changed, a quorum of a register
/// is a majority of its former replicas and a majority of its latter ones: it meets every quorum of
/// the layout before and every quorum of the one that follows. Source: docs/protocol/registers.md,
/// "Quorums".
package struct Quorum: Hashable, Sendable {
    /// Places of replicas, from 0 on.
    package let count: Int
    /// For each set, whether a place belongs to it.
    private let sets: [[Bool]]
    private let needed: [Int]

    private init(count: Int, sets: [[Bool]], needed: [Int]) {
        self.count = count
        self.sets = sets
        self.needed = needed
    }

    /// A majority of so many replicas.
    package init(majorityOf count: Int) {
        self.init(
            count: count,
            sets: [Array(repeating: true, count: count)],
            needed: [majority(of: count)]
        )
    }

    /// A majority of each set of places.
    ///
    /// - Precondition: there is a set, none is empty, each names places below `count`, each once.
    package init(majoritiesOf sets: [[Int]], count: Int) {
        precondition(!sets.isEmpty, "Somebody has to be asked.")
        var belongs: [[Bool]] = []
        for set in sets {
            var places = Array(repeating: false, count: count)
            for place in set {
                precondition(!places[place], "A place is in a set once.")
                places[place] = true
            }
            belongs.append(places)
        }
        self.init(count: count, sets: belongs, needed: sets.map { majority(of: $0.count) })
    }

    /// Breaks the rule on purpose: any one replica is enough.
    package static func anyOne(of count: Int) -> Quorum {
        Quorum(count: count, sets: [Array(repeating: true, count: count)], needed: [1])
    }

    /// Whether these replicas are enough.
    ///
    /// - Precondition: each place once.
    package func isMet(by places: [Int]) -> Bool {
        for (set, needed) in zip(self.sets, self.needed)
        where places.count(where: { set[$0] }) < needed { return false }
        return true
    }

    /// Whether the others are enough.
    ///
    /// - Precondition: each place once.
    package func canBeMet(without places: [Int]) -> Bool {
        for (set, needed) in zip(self.sets, self.needed) {
            let lost = places.count { set[$0] }
            if set.count(where: { $0 }) - lost < needed { return false }
        }
        return true
    }

    /// Fewer replicas than this are never enough.
    package var least: Int { self.needed.reduce(1, max) }
}

/// The replicas of a register by one layout.
///
/// Prepare and accept of one ballot go to the same group, under the same epoch: a replica that has
/// gone on to another layout refuses them.
package struct ReplicaGroup: Hashable, Sendable {
    /// The layout's epoch: the config number of the register.
    package let epoch: UInt64
    /// By place.
    package let members: [NodeID]
    package let quorum: Quorum
    /// Whether replicas are being changed: then no row is erased.
    package let isJoint: Bool

    package init(epoch: UInt64, members: [NodeID], quorum: Quorum, isJoint: Bool = false) {
        precondition(members.count == quorum.count, "A quorum is one of the members.")
        self.epoch = epoch
        self.members = members
        self.quorum = quorum
        self.isJoint = isJoint
    }

    package var count: Int { self.members.count }
}
