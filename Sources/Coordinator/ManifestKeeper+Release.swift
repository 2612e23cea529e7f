import Content
import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

extension ManifestKeeper {
    /// Times the evidence is sought: a retry may have raised the ceiling in between.
    private static let abandonsMax = 2

    /// Lets go of a manifest, and finishes it if nobody else holds it.
    ///
    /// - Returns: nil if the hold is gone; its ceiling if it stays, because that is not below the
    ///   fence.
    @discardableResult
    func release(
        _ manifest: ManifestID,
        _ owner: Owner,
        fence: Ballot
    ) async throws(ClusterError) -> Ballot? {
        let ignoresFence = self.settings.sabotage.contains(.releaseIgnoresFence)
        if self.settings.sabotage.contains(.borrowReleasedBeforeDeath) {
            await self.releaseBorrowsTooEarly(manifest)
        }
        if self.settings.sabotage.contains(.deathInTwoSteps),
            try await self.releaseInTwoSteps(manifest, owner, fence: fence)
        {
            return nil
        }
        await self.doors.reach(.release)
        let change = ReleaseChange(
            owner,
            fence: ignoresFence ? Ballot(highestOf: fence) : fence
        )
        let changed = try await self.change(manifest, change, "release manifest \(manifest)")
        switch changed.outcome {
        case .removed, .absent, .gone: return nil
        case .kept(let ceiling): return ceiling
        case .died:
            let record = changed.state.body.flatMap { try? ManifestRecord(decoding: $0) }
            // Its row says that there is work: the sweep comes back to what cannot be done now.
            try? await self.finish(manifest, borrows: record?.borrows ?? [])
            return nil
        }
    }

    /// Gives back what a dead manifest borrows, has every node drop its chunks, and leaves a
    /// tombstone once all have.
    ///
    /// - Precondition: the death of the manifest is chosen (rules R7 and R8).
    /// - Throws: `quorumUnavailable` if a node has not confirmed; the sweep comes back to it.
    func finish(_ manifest: ManifestID, borrows: [ManifestID]) async throws(ClusterError) {
        for source in borrows {
            // Its ceiling is zero: who borrows has no register in which it could come and go.
            try await self.release(source, .manifest(manifest), fence: manifest.birth)
        }
        try await self.dropChunks(of: manifest)
        _ = try await self.change(
            manifest,
            BuryChange(released: borrows),
            "bury manifest \(manifest)"
        )
    }

    private func dropChunks(of manifest: ManifestID) async throws(ClusterError) {
        let operation = "drop the chunks of manifest \(manifest)"
        guard let layout = self.layouts.layout else { throw ClusterError(.notReady, operation) }
        let replies = await gather(
            from: layout.members,
            background: self.doors.background,
            ask: { node -> Bool? in
                let reply = try? await self.caller.ask(
                    node,
                    .dropManifest(manifest, keeping: []),
                    within: self.settings.chunkTimeout
                )
                if case .done? = reply { return true }
                return nil
            },
            enough: { _ in false }
        )
        let dropped = replies.count { $0.reply != nil }
        guard dropped == layout.members.count else {
            throw ClusterError(
                .quorumUnavailable,
                operation,
                facts: ["dropped": "\(dropped)", "nodes": "\(layout.members.count)"]
            )
        }
    }

    // MARK: - Operations that failed

    /// Takes back what an operation that certainly had no effect has stored.
    ///
    /// Best effort: what a crash leaves behind is found by the audit of holds.
    func abandon(_ holding: Holding, _ target: Target) async {
        await self.abandon(holding, generation: target.bucket.generation)
    }

    /// The same, for an operation on a bucket of this generation.
    func abandon(_ holding: Holding, generation: UInt64) async {
        guard let (key, entry) = holding.owner.entry else { return }
        await self.doors.reach(.giveBack)
        var above = holding.ceiling
        for _ in 0..<Self.abandonsMax {
            // Evidence: a chosen value at a ballot above the ceiling that does not name the
            // manifest.
            let state = try? await self.writer.proposer.identity(
                key,
                generation: generation,
                above: above,
                deadline: self.settings.changeDeadline
            )
            guard let state, let record = try? ObjectRecord(state.value),
                !record.names(holding.manifest, entry: entry),
                let ceiling = try? await self.release(
                    holding.manifest,
                    holding.owner,
                    fence: state.ballot
                )
            else { return }
            above = max(ceiling, state.ballot)
        }
    }

    /// Drops the chunks of a manifest that was never created.
    func abandon(_ manifest: ManifestID) async {
        guard case .dead(let borrows)? = try? await self.kill(manifest) else { return }
        // The sweep comes back to it if a node does not confirm.
        try? await self.finish(manifest, borrows: borrows)
    }
}

extension Ballot {
    /// No ceiling lies above it: what a release without a fence would use.
    init(highestOf ballot: Ballot) {
        self.init(
            round: Ballot.highestRound,
            node: ballot.node,
            incarnation: ballot.incarnation,
            sequence: ballot.sequence
        )
    }
}
