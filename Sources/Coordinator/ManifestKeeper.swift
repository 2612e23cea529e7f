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
    let ballots: BallotSource
    let undertakings: Undertakings
    let settings: CoordinatorSettings

    // MARK: - Creation

    /// Creates a manifest with its first hold.
    ///
    /// Only the birth accept creates. Where its outcome is not known the register is looked at,
    /// which finishes what a minority may hold, or makes sure that the manifest will never be.
    ///
    /// - Throws: `quorumUnavailable` or `busy`: the manifest cannot be used.
    func create(_ manifest: ManifestID, _ record: ManifestRecord) async throws(ClusterError) {
        precondition(record.holds.count == 1, "A manifest is created for one owner.")
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
        case .refused:
            if await self.createAgain(manifest, record) { return }
            throw ClusterError(.busy, operation)
        case .unknown:
            if self.settings.sabotage.contains(.creatorTrustsMinority) { return }
            if await self.createAgain(manifest, record) { return }
            guard case .alive(let found) = try await self.kill(manifest),
                found.holds.contains(where: { $0.owner == record.holds[0].owner })
            else { throw ClusterError(.quorumUnavailable, operation) }
        }
    }

    /// Creates a manifest that borrows nothing: sealed, or open if `segments` is nil.
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
        try await self.create(manifest, record)
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
            .segments(digest: holding.digest),
            versionsMax: self.settings.versionHolders
        )
        await self.doors.reach(.hold)
        let outcome = try await self.change(
            holding.manifest,
            change,
            "hold manifest \(holding.manifest)"
        ).outcome
        return outcome == .gone && self.settings.sabotage.contains(.holdOnDead) ? .held : outcome
    }

    /// A hold for a change to rely on: its ceiling is raised before an accept above it leaves (rule
    /// R2).
    func changeHold(_ holding: Holding) -> ChangeHold {
        ChangeHold(ceiling: holding.ceiling) { ballot in
            guard !self.settings.sabotage.contains(.noSecondHold) else { return }
            let higher = Holding(
                manifest: holding.manifest,
                owner: holding.owner,
                digest: holding.digest,
                ceiling: ballot.ceiling
            )
            let outcome = try await self.hold(higher)
            guard outcome == .held else {
                throw ClusterError(
                    .busy,
                    "hold manifest \(holding.manifest) again",
                    facts: ["hold": "\(outcome)"]
                )
            }
        }
    }

    /// Gives an open manifest its segments.
    func seal(
        _ manifest: ManifestID,
        _ segments: [SegmentRun],
        borrows: [ManifestID] = [],
        for hold: Hold
    ) async throws(ClusterError) -> ManifestRecord.HoldOutcome {
        await self.doors.reach(.hold)
        let outcome = try await self.change(
            manifest,
            HoldChange(hold, .seal(segments, borrows: borrows)),
            "seal manifest \(manifest)"
        ).outcome
        guard outcome == .gone, self.settings.sabotage.contains(.sealAfterAbort) else {
            return outcome
        }
        return await self.revive(manifest, segments, for: hold)
    }

    /// Notes which holds the audit has found needed.
    func confirm(_ manifest: ManifestID, _ owners: [Owner]) async throws(ClusterError) {
        _ = try await self.change(
            manifest,
            ConfirmChange(owners),
            "confirm holds of manifest \(manifest)"
        )
    }

    func change<Change: RegisterChange>(
        _ manifest: ManifestID,
        _ change: Change,
        _ operation: String
    ) async throws(ClusterError) -> Changed<Change.Outcome> {
        try await self.writer.change(.manifest(manifest), change, operation)
    }
}
