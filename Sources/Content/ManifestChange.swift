package import Register
package import StoreModel

/// Holds a manifest, or seals an open one and holds it.
///
/// Source: docs/protocol/content.md, "Functions".
package struct HoldChange: RegisterChange {
    package enum Want: Hashable, Sendable {
        /// The segments that the owner will name, by their digest.
        case segments(digest: UInt64)
        /// The segments that the manifest is to have from now on.
        case seal([SegmentRun], borrows: [ManifestID] = [])
    }

    package let hold: Hold
    package let want: Want
    /// See ``ManifestRecord/hold(_:digest:versionsMax:)``.
    package let versionsMax: Int

    package init(_ hold: Hold, _ want: Want, versionsMax: Int = Limit.versionHolders) {
        self.hold = hold
        self.want = want
        self.versionsMax = versionsMax
    }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<ManifestRecord.HoldOutcome> {
        guard let body = value?.body else { return .keep(.gone) }
        let before = try ManifestRecord(decoding: body)
        var record = before
        let outcome =
            switch self.want {
            case .segments(let digest):
                record.hold(self.hold, digest: digest, versionsMax: self.versionsMax)
            case .seal(let segments, let borrows):
                record.seal(segments, borrows: borrows, for: self.hold)
            }
        guard outcome == .held, record != before else { return .keep(outcome) }
        return .write(body: record.encoded, hasGarbage: false, outcome)
    }
}

/// Lets go of a manifest.
///
/// Source: docs/protocol/content.md, "Release".
package struct ReleaseChange: RegisterChange {
    package let owner: Owner
    /// See ``ManifestRecord/release(_:fence:)``.
    package let fence: Ballot

    package init(_ owner: Owner, fence: Ballot) {
        self.owner = owner
        self.fence = fence
    }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<ManifestRecord.ReleaseOutcome> {
        guard let body = value?.body else { return .keep(.gone) }
        var record = try ManifestRecord(decoding: body)
        let outcome = record.release(self.owner, fence: self.fence)
        switch outcome {
        case .removed: return .write(body: record.encoded, hasGarbage: false, outcome)
        case .died: return .write(body: record.encoded, hasGarbage: true, outcome)
        case .kept, .absent, .gone: return .keep(outcome)
        }
    }
}

/// Makes sure that a manifest which nobody created will never live; leaves any other as it is.
///
/// Absence is no evidence that chunks may go: a creation may be on its way. Source:
/// docs/protocol/content.md, "Killing".
package struct KillChange: RegisterChange {
    package enum Outcome: Hashable, Sendable {
        /// Dead: its chunks may go, and what it borrows.
        case dead(borrows: [ManifestID])
        /// Dead, and every node has dropped its chunks.
        case buried
        case alive(ManifestRecord)
    }

    package init() {}

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome> {
        // A tombstone without history marks a register that was looked at before it was created.
        guard let value, value.changeNumber > 0 else {
            return .write(
                body: ManifestRecord.stillborn.encoded,
                hasGarbage: true,
                .dead(borrows: [])
            )
        }
        guard let body = value.body else { return .keep(.buried) }
        let record = try ManifestRecord(decoding: body)
        return .keep(record.state == .dead ? .dead(borrows: record.borrows) : .alive(record))
    }
}

/// Leaves a tombstone for a dead manifest whose chunks every node has dropped, and which holds no
/// other manifest any more.
///
/// The outcome is whether it is buried.
package struct BuryChange: RegisterChange {
    /// Manifests whose holds by this one have been released since its death was chosen.
    package let released: [ManifestID]

    package init(released: [ManifestID] = []) { self.released = released }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Bool> {
        guard let body = value?.body else { return .keep(true) }
        let record = try ManifestRecord(decoding: body)
        guard record.state == .dead, Set(record.borrows).isSubset(of: self.released) else {
            return .keep(false)
        }
        return .write(body: nil, hasGarbage: false, true)
    }
}

/// Notes which holds of a manifest the audit has found needed.
///
/// The outcome is whether there was anything to note.
package struct ConfirmChange: RegisterChange {
    package let owners: [Owner]

    package init(_ owners: [Owner]) { self.owners = owners }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Bool> {
        guard let body = value?.body else { return .keep(false) }
        var record = try ManifestRecord(decoding: body)
        guard record.confirm(self.owners) else { return .keep(false) }
        return .write(body: record.encoded, hasGarbage: false, true)
    }
}
