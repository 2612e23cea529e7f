import Content
import PeerProtocol
import Placement
import Register
package import Runtime
package import StoreModel

extension Coordinator {
    /// Pause between two looks at the other nodes.
    private static let formationPause = Duration.milliseconds(250)

    /// Joins the cluster: returns once a layout is in force on this node.
    ///
    /// That layout need not have this node in it: see ``isMember``.
    ///
    /// A node that has one from before goes on with it. Otherwise it learns the layout from any
    /// node that has one, or, as soon as all configured nodes have been met, has the first one
    /// agreed on by the register of the layout, kept by all of them. `plan` computes that layout;
    /// it must depend on the set of nodes only.
    ///
    /// - Parameters:
    ///   - seeds: Addresses of all configured nodes but this one.
    ///   - own: This node as the layout is to know it.
    ///   - connector: Finds out who answers at an address.
    ///   - plan: Computes the first layout from all nodes.
    /// - Throws: `notReady` if the task is cancelled first.
    package func formCluster(
        seeds: [String],
        own: LayoutNode,
        connector: any SeedConnector,
        plan: @escaping @Sendable ([LayoutNode]) throws -> LayoutRecord
    ) async throws(ClusterError) {
        while self.layouts.layout == nil {
            guard !Task.isCancelled else { throw ClusterError(.notReady, "join the cluster") }
            let met = await self.meet(seeds, connector)
            if let layout = met.compactMap(\.layout).max(by: { $0.epoch < $1.epoch }) {
                await self.adopt(layout)
            } else if met.count == seeds.count {
                let nodes = (met.map(\.node) + [own]).sorted { $0.id < $1.id }
                guard Set(nodes.map(\.id)).count == nodes.count else {
                    throw ClusterError(.internalError, "join the cluster: a node met twice")
                }
                if let layout = try? await self.agree(on: plan(nodes), founders: nodes.map(\.id)) {
                    await self.adopt(layout)
                }
            }
            if self.layouts.layout == nil {
                await self.doors.time.sleep(for: Self.formationPause)
            }
        }
        try await self.waitUntilKnown()
        if let index = self.layouts.layout?.index(of: self.caller.own) {
            self.ballots.become(node: index)
        }
    }

    /// Whether the layout in force has this node in it.
    ///
    /// It has not if the node's directory is new, or another one than the cluster knows. The node
    /// is no replica then, and its coordinator answers nothing but `notReady`: it has no number of
    /// its own to make ballots unique with.
    package var isMember: Bool { self.layouts.layout?.index(of: self.caller.own) != nil }

    /// Returns once a layout has this node in it.
    ///
    /// - Throws: `notReady` if the task is cancelled first.
    package func waitForMembership() async throws(ClusterError) {
        while !Task.isCancelled {
            if let index = self.layouts.layout?.index(of: self.caller.own) {
                return self.ballots.become(node: index)
            }
            await self.doors.time.sleep(for: Self.formationPause)
        }
        throw ClusterError(.notReady, "join the cluster")
    }

    /// Waits until the own node answers: until enough others know of its start.
    ///
    /// Before that its incarnation may be one of the past, and ballots with it would not be unique.
    private func waitUntilKnown() async throws(ClusterError) {
        while !Task.isCancelled {
            do throws(PeerCallError) {
                _ = try await self.caller.ask(
                    self.caller.own,
                    .register(.layout, .read),
                    within: self.settings.registerTimeout
                )
                return
            } catch {
                switch error {
                case .failure(let failure) where failure.code == .unconfirmed: break
                // A layout that came meanwhile has overtaken the question.
                case .staleLayout: break
                default: throw ClusterError(.internalError, "join the cluster", cause: error)
                }
            }
            await self.doors.time.sleep(for: Self.formationPause / 5)
        }
        throw ClusterError(.notReady, "join the cluster")
    }

    /// Asks every seed who it is.
    private func meet(
        _ seeds: [String],
        _ connector: any SeedConnector
    ) async -> [NodeDescription] {
        let replies = await gather(
            from: seeds,
            background: self.doors.background,
            ask: { await self.describe($0, connector) },
            enough: { replies in replies.contains { $0.reply?.layout != nil } }
        )
        return replies.compactMap(\.reply)
    }

    /// Asks whoever listens at an address who it is; nil if there is no answer.
    func describe(_ address: String, _ connector: any SeedConnector) async -> NodeDescription? {
        guard let node = try? await connector.connect(to: address) else { return nil }
        let reply = try? await self.caller.ask(
            node,
            .describe,
            within: self.settings.registerTimeout
        )
        guard case .description(let description)? = reply else { return nil }
        return description
    }

    /// Has the founders choose the first layout: this one, or the one that they chose already.
    private func agree(
        on layout: LayoutRecord,
        founders: [NodeID]
    ) async throws(RegisterError) -> LayoutRecord {
        guard let place = founders.firstIndex(of: self.caller.own) else { throw .noLayout }
        self.ballots.become(node: UInt16(place))
        var replicas = self.proposer.replicas
        replicas.founders = founders
        let changed = try await RegisterProposer(replicas: replicas).change(
            .layout,
            operation: self.writer.newOperation(),
            generation: 0,
            deadline: self.settings.registerTimeout,
            FirstLayoutChange(layout)
        )
        return changed.outcome
    }

    /// Hands the layout to the own node, which makes it durable, and to the others.
    func adopt(_ layout: LayoutRecord) async {
        let push = PeerRequest.pushLayout(layout)
        _ = try? await self.caller.ask(
            self.caller.own,
            push,
            within: self.settings.registerTimeout
        )
        for node in layout.nodes where node.id != self.caller.own {
            self.doors.background.run {
                // A node that misses it asks for it.
                _ = try? await self.caller.ask(
                    node.id,
                    push,
                    within: self.settings.registerTimeout
                )
            }
        }
    }
}
