import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

extension Coordinator {
    /// What a steward remembers from one look to the next.
    private struct Watch {
        var epoch: UInt64 = 0
        /// When the layout was first seen, in monotonic nanoseconds.
        var since: UInt64 = 0
        /// The stable layout after which the own node has caught up.
        var caughtUp: UInt64 = 0
        var handOver: HandOver?
    }

    /// Looks again and again whether a change of the layout has been left unfinished; returns when
    /// the task is cancelled.
    ///
    /// That is the business of the first node of the system set, and of the next if that one does
    /// not see to it. Doing it twice is harmless. Source: docs/protocol/layout.md, "Stewards".
    func runSteward() async {
        var watch = Watch()
        while !Task.isCancelled {
            await self.doors.time.sleep(for: self.settings.stewardInterval)
            guard let layout = self.layouts.layout else { continue }
            let now = self.doors.time.nanoseconds
            if layout.epoch != watch.epoch {
                watch = Watch(epoch: layout.epoch, since: now, caughtUp: watch.caughtUp)
            }
            let place = layout.replicaSet(of: .system).firstIndex(of: self.caller.own)
            let turn = self.settings.stewardTurn.wholeMicroseconds * 1_000
            if let place, now - watch.since >= UInt64(place) * turn {
                await self.oversee(layout, &watch)
            }
            if !layout.isJoint, layout.epoch > max(watch.caughtUp, 1),
                await self.catchUpAfterChange(layout)
            {
                watch.caughtUp = layout.epoch
            }
        }
    }

    private func oversee(_ layout: Layout, _ watch: inout Watch) async {
        if layout.isJoint {
            // Who breaks this rule wants nobody to mend it.
            if self.settings.sabotage.contains(.syncBeforeSwitch) { return }
            let handOver = watch.handOver ?? self.handOver(layout)
            watch.handOver = handOver
            _ = await self.pass(over: layout, handOver)
            return
        }
        // The next layout may have been chosen, and whoever had it chosen gone.
        let state = try? await self.proposer(by: layout).read(
            .layout,
            generation: 0,
            deadline: self.settings.registerTimeout
        )
        guard let body = state?.body, let next = try? LayoutRecord(decoding: body),
            next.epoch == layout.epoch + 1
        else { return }
        await self.adopt(next)
    }

    /// Fetches what the own node has not been told when it joined partitions.
    ///
    /// - Returns: false if something is missing still.
    private func catchUpAfterChange(_ layout: Layout) async -> Bool {
        let own = self.caller.own
        var isComplete = true
        for partition in PartitionID.all {
            guard let entry = layout.entryEpoch(of: own, in: partition), entry > 1 else { continue }
            if await !self.completeFloors(of: partition, layout) { isComplete = false }
        }
        guard isComplete else { return false }
        return await self.catchUp().postponed == 0
    }

    /// Takes over the floors of a partition that nobody has handed over to the own node.
    ///
    /// A majority of its replicas has them.
    private func completeFloors(of partition: PartitionID, _ layout: Layout) async -> Bool {
        guard let floors = await self.floors(of: partition, at: self.caller.own, layout) else {
            return false
        }
        if floors.isComplete { return true }
        let replicas = layout.replicaSet(of: partition)
        var highest = PartitionFloors()
        var answered = 0
        for node in replicas where node != self.caller.own {
            guard let found = await self.floors(of: partition, at: node, layout) else { continue }
            highest.merge(found)
            answered += 1
        }
        guard answered > replicas.count / 2 else { return false }
        let reply = try? await self.caller.ask(
            self.caller.own,
            .raiseFloors(partition, highest),
            under: layout.epoch,
            within: self.settings.registerTimeout
        )
        if case .done? = reply { return true }
        return false
    }

    private func floors(
        of partition: PartitionID,
        at node: NodeID,
        _ layout: Layout
    ) async -> PartitionFloors? {
        let reply = try? await self.caller.ask(
            node,
            .floors(partition),
            under: layout.epoch,
            within: self.settings.registerTimeout
        )
        guard case .floors(let floors)? = reply else { return nil }
        return floors
    }
}
