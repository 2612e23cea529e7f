import Hummingbird

/// `GET /v1/cluster`.
struct ClusterBody: ResponseCodable {
    let version: String
    let node: String
    let ready: Bool
    /// Why not, if not.
    let reason: String?
    let epoch: UInt64
    let nodes: Int
    let nodesUp: Int

    init(_ report: ClusterReport, _ readiness: Readiness) {
        self.version = report.version
        self.node = report.node
        switch readiness {
        case .ready: (self.ready, self.reason) = (true, nil)
        case .notReady(let reason): (self.ready, self.reason) = (false, reason)
        }
        self.epoch = report.epoch
        // Those that have left are known, and nobody waits for them.
        let members = report.nodes.filter { $0.capacityBytes > 0 }
        self.nodes = members.count
        self.nodesUp = members.count(where: \.up)
    }

    enum CodingKeys: String, CodingKey {
        case version
        case node
        case ready
        case reason
        case epoch
        case nodes
        case nodesUp = "nodes_up"
    }
}

/// `GET /v1/nodes`.
struct NodesBody: ResponseCodable {
    let nodes: [NodeReport]
}
