import AdminAPI
import Coordinator
import Placement
import StorageNode
import StoreModel

extension NodeAdmin {
    /// How long somebody who changes the layout waits for the answer.
    private static let changePatience = Duration.seconds(5)

    func ring() async -> RingReport {
        await self.ring(waiting: self.nonMembers(at: []))
    }

    func change(_ change: RingChange) async throws(AdminRefusal) -> RingOutcome {
        guard let layout = self.node.layouts.layout, self.coordinator.isMember else {
            throw AdminRefusal(.unavailable, "this node is no member of the cluster: ask one")
        }
        guard !layout.isJoint else {
            throw AdminRefusal(.conflict, "a change is under way since epoch \(layout.epoch)")
        }
        let named = [change.add, change.replace?.new].compactMap(\.self)
        let candidates = RingCandidates(
            members: layout.record.nodes.filter { $0.capacityBytes > 0 },
            waiting: await self.nonMembers(at: named.filter { $0.contains(":") })
        )
        let resolved = try candidates.resolve(change)
        let done: LayoutRecord?
        do throws(ClusterError) {
            done = try await self.coordinator.beginLayoutChange(
                resolved,
                waiting: Self.changePatience
            )
        } catch { throw AdminRefusal(ofLayoutChange: error) }
        return RingOutcome(isDone: done != nil, report: await self.ring())
    }

    /// Looks where nodes are configured, where members are, and at further addresses.
    private func nonMembers(at addresses: [String]) async -> [LayoutNode] {
        let own = self.node.description.address
        let known = self.node.layouts.layout?.record.nodes.map(\.address) ?? []
        return await self.coordinator.nonMembers(
            at: (self.seeds + known + addresses).filter { $0 != own },
            connector: self.connector
        )
    }

    private func ring(waiting: [LayoutNode]) async -> RingReport {
        guard let layout = self.node.layouts.layout else {
            return RingReport(epoch: 0, state: .forming, nodes: [], partitions: [], system: [])
        }
        let record = layout.record
        let up = await self.answering(record.nodes).union(waiting.map(\.id))
        let named = Set(record.nodes.map(\.id))
        var nodes = record.nodes.indices.map { index in
            RingNode(
                record.nodes[index],
                state: layout.state(of: UInt16(index)),
                partitions: record.replicaSets.count { $0.contains(UInt16(index)) },
                up: up.contains(record.nodes[index].id)
            )
        }
        nodes += waiting.filter { !named.contains($0.id) }.map {
            RingNode($0, state: .waiting, partitions: 0, up: true)
        }
        return RingReport(
            epoch: record.epoch,
            state: record.isJoint ? .joint : .stable,
            nodes: nodes,
            partitions: record.replicaSets.map { $0.map(Int.init) },
            system: record.systemSet.map(Int.init)
        )
    }
}

/// Who can be meant by the names in a change.
struct RingCandidates {
    let members: [LayoutNode]
    /// Those that can join.
    let waiting: [LayoutNode]

    func resolve(_ change: RingChange) throws(AdminRefusal) -> MembershipChange {
        switch (change.add, change.remove, change.replace) {
        case (let name?, nil, nil): return .add(try Self.find(name, in: self.waiting, "waiting"))
        case (nil, let name?, nil): return .remove(try self.member(name).id)
        case (nil, nil, let replacement?):
            let old = try self.member(replacement.old)
            let new = try Self.find(replacement.new ?? old.name, in: self.waiting, "waiting")
            return .replace(old.id, by: new)
        default: throw AdminRefusal(.invalid, "name one of add, remove and replace")
        }
    }

    private func member(_ name: String) throws(AdminRefusal) -> LayoutNode {
        try Self.find(name, in: self.members, "member")
    }

    /// The one node with this name, these first digits of its id, or this address; `kind` says to
    /// people what the nodes are.
    private static func find(
        _ name: String,
        in nodes: [LayoutNode],
        _ kind: String
    ) throws(AdminRefusal) -> LayoutNode {
        var found = nodes.filter { $0.name == name || $0.address == name }
        if found.isEmpty, name.utf8.count >= 4 {
            found = nodes.filter { "\($0.id)".hasPrefix(name.lowercased()) }
        }
        guard let node = found.first else {
            let all = nodes.map { "\($0.name) (\($0.id.short))" }.joined(separator: ", ")
            throw AdminRefusal(
                .unknown,
                "no \(kind) node is \(name); " + (all.isEmpty ? "there is none" : "there is \(all)")
            )
        }
        guard found.count == 1 else {
            let ids = found.map(\.id.short).joined(separator: ", ")
            throw AdminRefusal(.unknown, "several \(kind) nodes are \(name), by id: \(ids)")
        }
        return node
    }
}

extension AdminRefusal {
    fileprivate init(ofLayoutChange error: ClusterError) {
        switch error.code {
        case .quorumUnavailable, .outcomeUnknown:
            self.init(.unavailable, "no majority: the change may be under way: \(error)")
        case .internalError: self.init(.invalid, "there is no such layout: \(error)")
        case .busy: self.init(.conflict, "\(error)")
        default: self.init(.unavailable, "\(error)")
        }
    }
}

extension RingNode {
    fileprivate init(_ node: LayoutNode, state: State, partitions: Int, up: Bool) {
        self.init(
            id: "\(node.id)",
            name: node.name,
            address: node.address,
            zone: node.zone,
            capacityBytes: node.capacityBytes,
            state: state,
            partitions: partitions,
            up: up
        )
    }
}

extension Layout {
    /// What a node is to the layout, by its number.
    fileprivate func state(of index: UInt16) -> RingNode.State {
        let node = self.record.nodes[Int(index)]
        let former = self.record.former.map { Set($0.ring.joined() + $0.system) }
        if node.capacityBytes == 0 {
            return former?.contains(index) == true ? .leaving : .left
        }
        return former?.contains(index) == false ? .joining : .member
    }
}
