import Register
import StoreModel
import Synchronization

/// Whom a read asks first: the own node if it is a replica, then the others in the order of the
/// layout, those who were slow lately last.
///
/// Only a matter of speed: whoever is not asked first is asked as soon as it is needed.
final class ReadOrder: Sendable {
    private let own: NodeID
    private let health: NodeHealth
    /// Who let a read wait, and in that way only: too little to be suspected in general.
    private let slow: NodeHealth

    init(own: NodeID, health: NodeHealth, slow: NodeHealth) {
        self.own = own
        self.health = health
        self.slow = slow
    }

    /// Notes that a read had to ask somebody else since this node did not answer, or not in time.
    func wasSlow(_ node: NodeID) {
        if node != self.own { self.slow.suspect(node) }
    }

    /// The places of a group's members, and how many of them to ask first: a quorum.
    ///
    /// While replicas are being changed everybody is asked at once.
    func places(of group: ReplicaGroup) -> (order: [Int], first: Int) {
        let members = group.members
        if group.isJoint { return (Array(members.indices), members.count) }
        var order: [Int] = []
        order.reserveCapacity(members.count)
        var late: [Int] = []
        for place in members.indices {
            if members[place] == self.own {
                order.insert(place, at: 0)
            } else if self.isSlow(members[place]) {
                late.append(place)
            } else {
                order.append(place)
            }
        }
        return (order + late, group.quorum.least)
    }

    private func isSlow(_ node: NodeID) -> Bool {
        self.slow.isSuspect(node) || self.health.isSuspect(node)
    }
}
