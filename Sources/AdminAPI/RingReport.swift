import Hummingbird

/// A node, and what it is to the layout.
package struct RingNode: Hashable, Sendable, Codable {
    package enum State: String, Hashable, Sendable, Codable {
        case member
        /// A member from the next stable layout on.
        case joining
        /// A member until the next stable layout.
        case leaving
        /// Was a member once; its number is never given to another.
        case left
        /// Answers at an address that the cluster knows, and is no member: a new directory.
        case waiting
    }

    package var id: String
    package var name: String
    package var address: String
    package var zone: String
    package var capacityBytes: UInt64
    package var state: State
    /// How many partitions of the ring it keeps, or is to keep after the present change.
    package var partitions: Int
    /// Answered when it was asked for this report.
    package var up: Bool

    package init(
        id: String,
        name: String,
        address: String,
        zone: String,
        capacityBytes: UInt64,
        state: State,
        partitions: Int,
        up: Bool
    ) {
        self.id = id
        self.name = name
        self.address = address
        self.zone = zone
        self.capacityBytes = capacityBytes
        self.state = state
        self.partitions = partitions
        self.up = up
    }

    enum CodingKeys: String, CodingKey {
        case id
        case name
        case address
        case zone
        case capacityBytes = "capacity_bytes"
        case state
        case partitions
        case up
    }
}

/// The layout as one node sees it: `GET /v1/ring`.
package struct RingReport: Hashable, Sendable, Codable {
    package enum State: String, Hashable, Sendable, Codable {
        /// No layout yet.
        case forming
        case stable
        /// A change is under way.
        case joint
    }

    /// 0 before the first layout.
    package var epoch: UInt64
    package var state: State
    /// Those that the layout names, in its order, then those that wait.
    package var nodes: [RingNode]
    /// For each partition of the ring the indices of its nodes, in ring order.
    package var partitions: [[Int]]
    /// The nodes of the system partition.
    package var system: [Int]

    package init(
        epoch: UInt64,
        state: State,
        nodes: [RingNode],
        partitions: [[Int]],
        system: [Int]
    ) {
        self.epoch = epoch
        self.state = state
        self.nodes = nodes
        self.partitions = partitions
        self.system = system
    }
}

extension RingReport: ResponseCodable {}
