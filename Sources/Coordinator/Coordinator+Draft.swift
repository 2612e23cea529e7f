import Content
import PeerProtocol
import Placement
import Runtime
import StoreModel

/// A manifest that an operation fills for a version that is not current yet.
struct Draft: Sendable {
    let manifest: ManifestID
    let storageClass: StorageClass
    /// The hold of the version to be.
    let hold: Hold
    let target: Target
    /// For errors: what is being done.
    let operation: String

    /// The version to be.
    let entry: VersionID

    /// What others know the operation by.
    var undertakings: [Undertaking] { [.version(self.entry), .manifest(self.manifest)] }
}

extension Coordinator {
    /// A new manifest for a version of the target, in the partition of its key.
    func draft(
        of entry: VersionID,
        as storageClass: StorageClass,
        at target: Target,
        ceiling: Ballot,
        _ operation: String
    ) -> Draft {
        Draft(
            manifest: self.ballots.manifest(in: target.key.partition),
            storageClass: storageClass,
            hold: Hold(owner: .version(target.key, entry), ceiling: ceiling),
            target: target,
            operation: operation,
            entry: entry
        )
    }

    /// Tells audits to leave the operation alone, until ``end(_:)``.
    func begin(_ undertakings: [Undertaking]) {
        for undertaking in undertakings { self.undertakings.begin(undertaking) }
    }

    func end(_ undertakings: [Undertaking]) {
        for undertaking in undertakings { self.undertakings.end(undertaking) }
    }

    /// Creates the manifest before its segments are known, so that its chunks have an owner.
    func open(_ draft: Draft) async throws(ClusterError) {
        try await self.manifests.create(
            draft.manifest,
            as: draft.storageClass,
            segments: nil,
            for: draft.hold
        )
    }

    /// Gives the manifest its segments: creates it, or seals it if it was opened before.
    func finish(
        _ draft: Draft,
        _ segments: [SegmentRun],
        isOpen: Bool
    ) async throws(ClusterError) -> Holding {
        if isOpen {
            let outcome = try await self.manifests.seal(draft.manifest, segments, for: draft.hold)
            guard outcome == .held else {
                throw ClusterError(.busy, draft.operation, facts: ["seal": "\(outcome)"])
            }
        } else {
            try await self.manifests.create(
                draft.manifest,
                as: draft.storageClass,
                segments: segments,
                for: draft.hold
            )
        }
        return Holding(
            manifest: draft.manifest,
            owner: draft.hold.owner,
            digest: ManifestRecord.digest(of: segments),
            ceiling: draft.hold.ceiling
        )
    }

    /// Layouts that one upload may outlive.
    private static let secureMax = 20

    /// Makes sure of chunks that were stored while layouts changed: nodes whose copies counted may
    /// have left since, before anybody could know of the chunks.
    ///
    /// Called once the chunks are durable and whatever lists them is chosen; no message goes out
    /// unless the layout has changed. Source: docs/protocol/layout.md, "Handing content over".
    ///
    /// - Parameters:
    ///   - segments: Runs of the operation's own manifest.
    ///   - storageClass: That of the manifest.
    ///   - epoch: The layout in force before the first of them was stored.
    /// - Returns: the layout by which enough nodes have them.
    /// - Throws: as a write of chunks; `busy` if layouts change all the time.
    @discardableResult
    func secure(
        _ segments: [SegmentRun],
        as storageClass: StorageClass,
        since epoch: UInt64
    ) async throws(ClusterError) -> UInt64 {
        guard !self.settings.sabotage.contains(.contentNotSecured) else { return epoch }
        var secured = epoch
        for _ in 0..<Self.secureMax where secured != self.layouts.epoch {
            secured = self.layouts.epoch
            for run in segments { try await self.chunks.storeAgain(run, as: storageClass) }
        }
        guard secured == self.layouts.epoch else { throw ClusterError(.busy, "secure chunks") }
        return secured
    }

    /// Removes what a failed operation has stored under a manifest that no version will name.
    ///
    /// In the background, once `stragglers` returns: chunks that arrive after the others have been
    /// dropped would stay until the audit finds them. A manifest that exists is released, one that
    /// does not is made sure never to.
    func giveBack(
        _ draft: Draft,
        after stragglers: @escaping @Sendable () async -> Void = {}
    ) {
        let holding = Holding(
            manifest: draft.manifest,
            owner: draft.hold.owner,
            digest: ManifestRecord.digest(of: []),
            ceiling: draft.hold.ceiling
        )
        self.doors.background.run {
            await stragglers()
            guard case .alive? = try? await self.manifests.kill(draft.manifest) else {
                await self.manifests.abandon(draft.manifest)
                return
            }
            await self.manifests.abandon(holding, draft.target)
        }
    }
}

extension Holding {
    /// The hold that a version at a register has on its content; nil if it has it inline.
    init?(of version: Version, at key: RegisterKey, ceiling: Ballot) {
        guard case .manifest(let manifest, _, let digest, _) = version.content else { return nil }
        self.init(
            manifest: manifest,
            owner: .version(key, version.id),
            digest: digest,
            ceiling: ceiling
        )
    }

    /// What a version says of content that it holds like this.
    ///
    /// Of many segments it has the digest alone (``VersionContent``).
    func content(_ segments: [SegmentRun]) -> VersionContent {
        .manifest(
            self.manifest,
            segments: segments.count > Limit.inlineRuns ? [] : segments,
            digest: self.digest,
            ceiling: self.ceiling
        )
    }
}
