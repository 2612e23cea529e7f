import Content
import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

/// A hold that an operation has on a manifest.
struct Holding: Sendable {
    let manifest: ManifestID
    let owner: Owner
    let digest: UInt64
    /// The ceiling that the hold was taken out with.
    let ceiling: Ballot
}

/// Creates, holds and releases manifests.
///
/// Source: docs/protocol/content.md.
struct ManifestKeeper: Sendable {
    let writer: RegisterWriter
    let caller: PeerCaller
    let layouts: LayoutHolder
    let doors: Doors
    let settings: CoordinatorSettings

    // MARK: - Creation

    /// Creates a manifest with its first hold: sealed, or open if `segments` is nil.
    ///
    /// Only the birth accept creates. Where its outcome is not known the register is looked at,
    /// which finishes what a minority may hold, or makes sure that the manifest will never be.
    ///
    /// - Throws: `quorumUnavailable` or `busy`: the manifest cannot be used.
    func create(
        _ manifest: ManifestID,
        as storageClass: StorageClass,
        segments: [SegmentRun]?,
        for hold: Hold
    ) async throws(ClusterError) {
        let record = ManifestRecord(
            state: segments == nil ? .open : .sealed,
            storageClass: storageClass,
            segments: segments ?? [],
            borrows: [],
            holds: [hold]
        )
        let operation = "create manifest \(manifest)"
        let value = RegisterValue.first(body: record.encoded, operation: self.writer.newOperation())
        let outcome: CreateOutcome
        do throws(RegisterError) {
            outcome = try await self.writer.proposer.create(
                .manifest(manifest),
                at: manifest.birth,
                value
            )
        } catch { throw ClusterError(error, operation) }
        switch outcome {
        case .created: return
        case .refused: throw ClusterError(.busy, operation)
        case .unknown:
            guard case .alive(let found) = try await self.kill(manifest),
                found.holds.contains(where: { $0.owner == hold.owner })
            else { throw ClusterError(.quorumUnavailable, operation) }
        }
    }

    /// Makes sure that a manifest without a creation will never live.
    func kill(_ manifest: ManifestID) async throws(ClusterError) -> KillChange.Outcome {
        try await self.change(manifest, KillChange(), "look for manifest \(manifest)").outcome
    }

    // MARK: - Holds

    /// Takes out a hold, or raises its ceiling.
    func hold(_ holding: Holding) async throws(ClusterError) -> ManifestRecord.HoldOutcome {
        let change = HoldChange(
            Hold(owner: holding.owner, ceiling: holding.ceiling),
            .segments(digest: holding.digest)
        )
        return try await self.change(
            holding.manifest,
            change,
            "hold manifest \(holding.manifest)"
        ).outcome
    }

    /// Gives an open manifest its segments.
    func seal(
        _ manifest: ManifestID,
        _ segments: [SegmentRun],
        for hold: Hold
    ) async throws(ClusterError) -> ManifestRecord.HoldOutcome {
        try await self.change(
            manifest,
            HoldChange(hold, .seal(segments)),
            "seal manifest \(manifest)"
        ).outcome
    }

    /// Lets go of a manifest, and drops its chunks if nobody else holds it.
    ///
    /// - Returns: false if the hold stays because its ceiling is not below the fence.
    @discardableResult
    func release(
        _ manifest: ManifestID,
        _ owner: Owner,
        fence: Ballot
    ) async throws(ClusterError) -> Bool {
        let ignoresFence = self.settings.sabotage.contains(.releaseIgnoresFence)
        let change = ReleaseChange(
            owner,
            fence: ignoresFence ? Ballot(highestOf: fence) : fence
        )
        let operation = "release manifest \(manifest)"
        switch try await self.change(manifest, change, operation).outcome {
        case .removed, .absent, .gone: return true
        case .kept: return false
        case .died:
            try await self.dropChunks(of: manifest)
            return true
        }
    }

    // MARK: - The end

    /// Has every node drop the chunks of a dead manifest, and leaves a tombstone once all have.
    ///
    /// - Precondition: the death of the manifest is chosen.
    /// - Throws: `quorumUnavailable` if a node has not confirmed; the sweep comes back to it.
    func dropChunks(of manifest: ManifestID) async throws(ClusterError) {
        let operation = "drop the chunks of manifest \(manifest)"
        guard let layout = self.layouts.layout else { throw ClusterError(.notReady, operation) }
        let replies = await gather(
            from: layout.members,
            background: self.doors.background,
            ask: { node -> Bool? in
                let reply = try? await self.caller.ask(
                    node,
                    .dropManifest(manifest),
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
        _ = try await self.change(manifest, BuryChange(), operation)
    }

    private func change<Change: RegisterChange>(
        _ manifest: ManifestID,
        _ change: Change,
        _ operation: String
    ) async throws(ClusterError) -> Changed<Change.Outcome> {
        try await self.writer.change(.manifest(manifest), change, operation)
    }
}

extension ManifestKeeper {
    /// Times the evidence is sought; the second is above every ceiling.
    private static let abandonsMax = 2

    /// Takes back what an operation that certainly had no effect has stored.
    ///
    /// Best effort: what a crash leaves behind is found by the audit of holds.
    func abandon(_ holding: Holding, _ target: Target) async {
        var above = holding.ceiling
        for _ in 0..<Self.abandonsMax {
            // Evidence: a chosen value at a ballot above the ceiling that does not name the
            // manifest.
            let state = try? await self.writer.proposer.identity(
                target.key,
                generation: target.bucket.generation,
                above: above,
                deadline: self.settings.changeDeadline
            )
            guard let state, let entry = holding.owner.entry?.entry,
                let record = try? ObjectRecord(state.value),
                !record.names(holding.manifest, entry: entry),
                let isReleased = try? await self.release(
                    holding.manifest,
                    holding.owner,
                    fence: state.ballot
                ), !isReleased
            else { return }
            // A retry of the operation has raised the ceiling, at a ballot below this one.
            above = state.ballot.ceiling
        }
    }

    /// Drops the chunks of a manifest that was never created.
    func abandon(_ manifest: ManifestID) async {
        guard case .dead? = try? await self.kill(manifest) else { return }
        // The sweep comes back to it if a node does not confirm.
        _ = try? await self.dropChunks(of: manifest)
    }
}

extension Ballot {
    /// No ceiling lies above it: what a release without a fence would use.
    fileprivate init(highestOf ballot: Ballot) {
        self.init(
            round: Ballot.highestRound,
            node: ballot.node,
            incarnation: ballot.incarnation,
            sequence: ballot.sequence
        )
    }
}
