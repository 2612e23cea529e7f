import Content
import PeerProtocol
package import Placement
import Register
import Runtime
package import StoreModel

/// Changes of the layout: stable, joint, stable.
///
/// Every step can be taken again by anybody at any time, so that a change which its coordinator has
/// left unfinished is finished by another. Source: docs/protocol/layout.md, "Changing the layout".
extension Coordinator {
    /// Steps tried for one change: layouts that others have decided are learned on the way.
    private static let stepsMax = 20
    /// Pause before what could not be done is tried again.
    private static let layoutPause = Duration.milliseconds(500)
    /// Passes over a joint layout before the change is left to the stewards: twenty minutes and
    /// more.
    private static let passesMax = 2_400

    /// Changes who is a member of the cluster, and hands over what the change moves.
    ///
    /// Doing it again is harmless, and takes on what was begun; if nobody does, the stewards finish
    /// it.
    ///
    /// - Returns: the stable layout in which it is done.
    /// - Throws: `busy` if another change is under way: nothing has changed. `quorumUnavailable` or
    ///   `outcomeUnknown` if a step could not be taken: the change may be under way.
    ///   `internalError` if there is no such layout: nothing has changed.
    package func changeLayout(
        _ change: MembershipChange
    ) async throws(ClusterError) -> LayoutRecord {
        for _ in 0..<Self.stepsMax {
            guard let layout = self.layouts.layout else {
                throw ClusterError(.notReady, "\(change)")
            }
            if layout.isJoint {
                // Content counts: before one change is complete another could take the last copy.
                guard change.isDone(in: layout.record) else {
                    throw ClusterError(.busy, "\(change)", facts: ["epoch": "\(layout.epoch)"])
                }
                try await self.finish(layout, "\(change)")
                continue
            }
            if change.isDone(in: layout.record) {
                try await self.spread(layout, "\(change)")
                return layout.record
            }
            let joint: LayoutRecord
            do throws(LayoutPlanError) {
                joint = try LayoutPlan.joint(
                    after: layout.record,
                    nodes: change.members(after: layout.record)
                )
            } catch { throw ClusterError(.internalError, "\(change)", cause: error) }
            let next = try await self.agree(on: joint, after: layout, "\(change)")
            if self.settings.sabotage.contains(.syncBeforeSwitch), next.isJoint {
                await self.handOverTooEarly(Layout(next), before: layout)
            }
            await self.adopt(next)
        }
        throw ClusterError(.busy, "\(change)")
    }

    /// Takes a joint layout to the stable one that follows.
    private func finish(_ joint: Layout, _ operation: String) async throws(ClusterError) {
        let handOver = self.handOver(joint)
        for _ in 0..<Self.passesMax {
            if await self.pass(over: joint, handOver) { return }
            guard !Task.isCancelled else { break }
            await self.doors.time.sleep(for: Self.layoutPause)
        }
        throw ClusterError(.quorumUnavailable, operation, facts: ["epoch": "\(joint.epoch)"])
    }

    /// Makes sure that a stable layout is known to enough of its nodes, whoever leaves then.
    ///
    /// This node may be the one that leaves, and the only one that knows how the change has ended;
    /// the others would have to ask a majority of the former replicas, of which it is one.
    private func spread(_ layout: Layout, _ operation: String) async throws(ClusterError) {
        for _ in 0..<Self.stepsMax {
            let known = await self.push(layout)
            if layout.hasFormerMajorities(known) || self.layouts.epoch > layout.epoch { return }
            guard !Task.isCancelled else { break }
            await self.doors.time.sleep(for: Self.layoutPause)
        }
        throw ClusterError(.quorumUnavailable, operation, facts: ["epoch": "\(layout.epoch)"])
    }

    /// One attempt to take a joint layout on.
    ///
    /// - Returns: true once a later layout is in force on this node.
    func pass(over joint: Layout, _ handOver: HandOver) async -> Bool {
        if self.layouts.epoch > joint.epoch { return true }
        let switched = await self.push(joint)
        if self.layouts.epoch > joint.epoch { return true }
        guard self.layouts.epoch == joint.epoch, joint.hasFormerMajorities(switched) else {
            return false
        }
        if !self.settings.sabotage.contains(.noSync) {
            guard await handOver.run(switched: switched) else { return false }
        }
        if !self.settings.sabotage.contains(.noContentHandOver) {
            guard await self.handOverContent(by: joint, handOver.content) else { return false }
        }
        do throws(ClusterError) {
            let stable = LayoutPlan.stable(after: joint.record)
            let next = try await self.agree(on: stable, after: joint, "end a change of the layout")
            await self.adopt(next)
        } catch { return false }
        return self.layouts.epoch > joint.epoch
    }

    /// Has the replicas of one layout's system set decide which layout follows it.
    ///
    /// - Returns: the one that does: the given one, or another that was chosen before.
    private func agree(
        on next: LayoutRecord,
        after layout: Layout,
        _ operation: String
    ) async throws(ClusterError) -> LayoutRecord {
        precondition(next.epoch == layout.epoch + 1, "Layouts follow one another.")
        do throws(RegisterError) {
            let changed = try await self.proposer(by: layout).change(
                .layout,
                operation: self.writer.newOperation(),
                generation: 0,
                deadline: self.settings.changeDeadline,
                NextLayoutChange(next)
            )
            return changed.outcome
        } catch { throw ClusterError(error, operation) }
    }

    /// Proposes to the replicas of one layout, under its epoch and no other.
    func proposer(by layout: Layout) -> RegisterProposer<ClusterReplicas> {
        var replicas = self.proposer.replicas
        replicas.pinned = layout
        return RegisterProposer(replicas: replicas)
    }

    /// Hands a layout to all its members.
    ///
    /// - Returns: those that act by it, durably, and do nothing by an older one any more.
    private func push(_ layout: Layout) async -> Set<NodeID> {
        let replies = await gather(
            from: layout.members,
            background: self.doors.background,
            ask: { node -> Bool? in
                let reply = try? await self.caller.ask(
                    node,
                    .pushLayout(layout.record),
                    within: self.settings.registerTimeout
                )
                if case .done? = reply { return true }
                return nil
            },
            enough: { _ in false }
        )
        return Set(replies.filter { $0.reply == true }.map(\.node))
    }

    func handOver(_ joint: Layout) -> HandOver {
        HandOver(
            joint,
            caller: self.caller,
            doors: self.doors,
            settings: self.settings
        ) { await self.commitAgain($0) }
    }

    /// Breaks a rule on purpose: reads what is to be handed over before anybody has gone on to the
    /// joint layout.
    private func handOverTooEarly(_ joint: Layout, before layout: Layout) async {
        let handOver = self.handOver(joint)
        await handOver.readEarly(under: layout.epoch, from: Set(layout.members))
        await self.doors.reach(.install)
        await self.adopt(joint.record)
        while await !self.pass(over: joint, handOver), !Task.isCancelled {
            await self.doors.time.sleep(for: Self.layoutPause)
        }
    }

    /// Commits a register's value at a new ballot, by the joint layout: the long way to hand it
    /// over.
    ///
    /// Whoever deletes a bucket decides on his own what becomes of values that only a minority has;
    /// a deletion that nobody finishes is called off, or the change of the layout would wait for
    /// ever.
    private func commitAgain(_ key: RegisterKey) async -> Bool {
        do {
            _ = try await self.completing(key) { generation throws(RegisterError) in
                try await self.proposer.identity(
                    key,
                    generation: generation,
                    deadline: self.settings.registerTimeout
                )
            }
            return true
        } catch {
            if let bucket = key.bucket, (error as? ClusterError)?.code == .busy {
                let buckets = (try? await self.listing().buckets()) ?? []
                for (name, record) in buckets where record.id == bucket {
                    _ = try? await self.writableBucket(name)
                }
            }
            return false
        }
    }
}

extension Layout {
    /// Whether a majority of each former set is among the nodes.
    func hasFormerMajorities(_ nodes: Set<NodeID>) -> Bool {
        PartitionID.all.allSatisfy { partition in
            let former = self.formerSet(of: partition) ?? self.latterSet(of: partition)
            return former.count { nodes.contains($0) } > former.count / 2
        }
    }

    /// Partitions whose replicas are being changed.
    var changedPartitions: [PartitionID] {
        PartitionID.all.filter { partition in
            self.formerSet(of: partition).map(Set.init) != Set(self.latterSet(of: partition))
        }
    }
}
