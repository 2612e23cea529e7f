import Content
import Register
import Runtime
import StoreModel

/// What is broken on purpose, by the simulation alone.
extension ManifestKeeper {
    /// Rule R8 broken: what a manifest borrows goes when its own end seems near.
    func releaseBorrowsTooEarly(_ manifest: ManifestID) async {
        guard let record = await self.found(manifest), record.holds.count == 1 else { return }
        for source in record.borrows {
            _ = try? await self.release(source, .manifest(manifest), fence: manifest.birth)
        }
    }

    /// Rule R6 broken: the last hold goes in one change, and the manifest dies in another.
    ///
    /// - Returns: false if the hold is not the last.
    func releaseInTwoSteps(
        _ manifest: ManifestID,
        _ owner: Owner,
        fence: Ballot
    ) async throws(ClusterError) -> Bool {
        guard let record = await self.found(manifest), record.holds.count == 1,
            record.holds[0].owner == owner, record.holds[0].ceiling < fence
        else { return false }
        await self.doors.reach(.release)
        let borrows = try await self.change(manifest, DeathChange(), "end \(manifest)").outcome
        try? await self.finish(manifest, borrows: borrows)
        return true
    }

    /// A creation that is not known to have succeeded is followed by another one.
    ///
    /// - Returns: whether the manifest is taken for created.
    func createAgain(_ manifest: ManifestID, _ record: ManifestRecord) async -> Bool {
        if self.settings.sabotage.contains(.createdAboveBirth) {
            let changed = try? await self.change(
                manifest,
                LateCreation(record: record),
                "create \(manifest)"
            )
            return changed?.outcome ?? false
        }
        guard self.settings.sabotage.contains(.creatorSkipsPrepare) else { return false }
        let key = RegisterKey.manifest(manifest)
        let outcome = try? await self.writer.proposer.create(
            key,
            at: self.ballots.ballot(above: manifest.birth, for: key),
            RegisterValue.first(body: record.encoded, operation: self.writer.newOperation())
        )
        return outcome == .created
    }

    /// Rule R6 broken: a dead manifest is sealed.
    func revive(
        _ manifest: ManifestID,
        _ segments: [SegmentRun],
        for hold: Hold
    ) async -> ManifestRecord.HoldOutcome {
        let change = RevivalChange(segments: segments, hold: hold)
        let changed = try? await self.change(manifest, change, "seal \(manifest)")
        return changed?.outcome == true ? .held : .gone
    }

    private func found(_ manifest: ManifestID) async -> ManifestRecord? {
        let state = try? await self.writer.proposer.read(.manifest(manifest), generation: 0)
        guard let body = state?.body else { return nil }
        return try? ManifestRecord(decoding: body)
    }
}
