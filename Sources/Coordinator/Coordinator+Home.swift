import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

/// Copies that stood in for a node that was away, or that a layout has given to others.
///
/// Each node sees to its own: it has every home fetch the chunk, or verify what it has, and drops
/// its copy only when all of them have said that theirs is whole and durable. Source:
/// docs/protocol/content.md, "Healing".
extension Coordinator {
    /// Looks at all chunks of the own node.
    func bringHome(into summary: inout HealSummary) async {
        var after: ChunkName?
        repeat {
            guard let layout = self.layouts.layout,
                let names = await self.ownChunks(after: after)
            else {
                summary.postponed += 1
                return
            }
            // What has a new home stays where it was until the change of layout is over.
            guard !layout.isJoint else { return }
            for chunk in names where !Task.isCancelled {
                guard self.mayBeGuest(chunk, layout) else { continue }
                await self.bringHome(chunk, layout, into: &summary)
            }
            after = names.count < Limit.chunkNames ? nil : names.last
        } while after != nil && !Task.isCancelled
    }

    private func ownChunks(after: ChunkName?) async -> [ChunkName]? {
        let reply = try? await self.caller.ask(
            self.caller.own,
            .listChunks(after: after, limit: Limit.chunkNames),
            within: self.settings.chunkTimeout
        )
        guard case .chunkNames(let names)? = reply else { return nil }
        return names
    }

    /// False if the own node is a home of the chunk, as far as that is known without asking.
    private func mayBeGuest(_ chunk: ChunkName, _ layout: Layout) -> Bool {
        let replicas = layout.replicaSet(of: chunk.partition)
        guard let place = replicas.firstIndex(of: self.caller.own) else { return true }
        if place < StorageClass.reducedRedundancy.replicas { return false }
        guard let storageClass = self.healing.storageClass(of: chunk.manifest) else { return true }
        return place >= storageClass.replicas
    }

    private func bringHome(
        _ chunk: ChunkName,
        _ layout: Layout,
        into summary: inout HealSummary
    ) async {
        guard let state = try? await self.read(.manifest(chunk.manifest), "bring \(chunk) home")
        else {
            summary.postponed += 1
            return
        }
        // Chunks of an upload under way, and those that nobody needs, are left to others.
        guard let body = state.body, let record = try? ManifestRecord(decoding: body),
            record.state == .sealed
        else { return }
        self.healing.remember(record.storageClass, of: chunk.manifest)
        let homes = layout.homes(of: chunk, as: record.storageClass)
        guard !homes.contains(self.caller.own) else { return }
        if self.settings.sabotage.contains(.moveHomeDropsFirst) { await self.dropOwn(chunk) }
        var haveIt = 0
        for home in homes where await self.isSafe(chunk, at: home) { haveIt += 1 }
        guard await self.healing.repairs.isStillNeeded(chunk.manifest, at: homes) else { return }
        // A new layout may have made this node a home meanwhile.
        guard haveIt == homes.count, self.layouts.epoch == layout.epoch else {
            summary.postponed += 1
            return
        }
        if await self.dropOwn(chunk) { summary.movedHome += 1 } else { summary.postponed += 1 }
    }

    /// Whether a home has a copy, verified and durable, in the end.
    private func isSafe(_ chunk: ChunkName, at home: NodeID) async -> Bool {
        if self.settings.sabotage.contains(.healingTrustsIndex) {
            let reply = try? await self.caller.ask(
                home,
                .haveChunks([chunk]),
                within: self.settings.chunkTimeout
            )
            if case .chunkNames([])? = reply { return true }
        }
        let outcome = await self.healing.repairs.pull(chunk, to: home, from: [self.caller.own])
        if case .there = outcome { return true }
        return false
    }

    @discardableResult
    private func dropOwn(_ chunk: ChunkName) async -> Bool {
        let reply = try? await self.caller.ask(
            self.caller.own,
            .dropCopies([chunk]),
            within: self.settings.chunkTimeout
        )
        if case .done? = reply { return true }
        return false
    }
}
