/// What the admin port tells of a node and of the cluster as it sees it.
package protocol AdminSource: Sendable {
    /// A layout is in force, and a quorum answers.
    func readiness() async -> Readiness
    func cluster() async -> ClusterReport
    func ring() async -> RingReport
    /// Changes the layout; returns once that is done, or has taken too long to be waited for.
    func change(_ change: RingChange) async throws(AdminRefusal) -> RingOutcome
    /// Sets the gauges that are read, not counted, just before they are written out.
    func refreshMetrics() async
    func copies() async -> CopiesReport
    func healing() async -> HealingReport
    /// Asks for it; it is done in the background.
    func start(_ work: HealingWork) async
}

package enum Readiness: Hashable, Sendable {
    case ready
    /// The reason, for people.
    case notReady(String)
}

/// The cluster as one node sees it.
package struct ClusterReport: Hashable, Sendable {
    package var version: String
    /// The node that reports.
    package var node: String
    /// 0 before the first layout.
    package var epoch: UInt64
    package var nodes: [NodeReport]

    package init(
        version: String,
        node: String,
        epoch: UInt64,
        nodes: [NodeReport]
    ) {
        self.version = version
        self.node = node
        self.epoch = epoch
        self.nodes = nodes
    }
}

package struct NodeReport: Hashable, Sendable, Codable {
    package var id: String
    package var name: String
    package var zone: String
    package var address: String
    package var capacityBytes: UInt64
    /// Answered when it was asked for this report.
    package var up: Bool

    package init(
        id: String,
        name: String,
        zone: String,
        address: String,
        capacityBytes: UInt64,
        up: Bool
    ) {
        self.id = id
        self.name = name
        self.zone = zone
        self.address = address
        self.capacityBytes = capacityBytes
        self.up = up
    }

    enum CodingKeys: String, CodingKey {
        case id
        case name
        case zone
        case address
        case capacityBytes = "capacity_bytes"
        case up
    }
}
