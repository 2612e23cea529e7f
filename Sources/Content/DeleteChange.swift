package import Register
package import StoreModel

/// What a deletion does to a key.
package enum Deletion: Hashable, Sendable {
    /// Removes the null version, or a marker in its place: all there is in a bucket that never kept
    /// versions.
    case null
    /// Removes this version or marker.
    case version(VersionID)
    /// Hides what there is behind this delete marker, which takes the place of the null version if
    /// it is null itself.
    case hide(Version)
}

/// Deletes a version of a key or hides them all, if its condition holds.
///
/// The condition is one on the version that is to be removed, or on the current one that is to be
/// hidden. Source: docs/protocol/versions.md.
package struct DeleteChange: RegisterChange {
    package enum Outcome: Hashable, Sendable {
        case deleted
        /// The version that was removed was a delete marker.
        case markerDeleted
        /// There is a delete marker now.
        case hidden(isNull: Bool)
        /// There was nothing to delete.
        case absent
        case refused(WriteRefusal)
    }

    package let deletion: Deletion
    package let condition: WriteCondition
    package let now: HybridTime

    package init(_ deletion: Deletion = .null, condition: WriteCondition, now: HybridTime) {
        self.deletion = deletion
        self.condition = condition
        self.now = now
    }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome> {
        let record = try ObjectRecord(value)
        return switch self.deletion {
        case .hide(let marker): self.hide(record, behind: marker, ballot)
        case .null: self.remove(record[.null], from: record, ballot)
        case .version(let id): self.remove(record[.id(id)], from: record, ballot)
        }
    }

    private func remove(
        _ version: Version?,
        from record: ObjectRecord,
        _ ballot: Ballot
    ) -> ChangeDecision<Outcome> {
        let subject = version.flatMap { $0.isMarker ? nil : $0 }
        if let refusal = self.condition.refusal(on: subject) { return .keep(.refused(refusal)) }
        guard let version else { return .keep(.absent) }
        var record = record
        switch record.drop(version, at: ballot) {
        case .dropped: break
        case .above(let ceiling): return .retry(above: ceiling)
        case .refused(let refusal): return .keep(.refused(refusal))
        }
        record.advance(to: self.now)
        return record.decision(version.isMarker ? .markerDeleted : .deleted)
    }

    private func hide(
        _ record: ObjectRecord,
        behind marker: Version,
        _ ballot: Ballot
    ) -> ChangeDecision<Outcome> {
        if let refusal = self.condition.refusal(on: record.current) {
            return .keep(.refused(refusal))
        }
        var record = record
        switch record.makeRoom(for: marker, at: ballot) {
        case .dropped: break
        case .above(let ceiling): return .retry(above: ceiling)
        case .refused(let refusal): return .keep(.refused(refusal))
        }
        let added = record.add(marker, at: ballot)
        return record.decision(
            .hidden(isNull: added.isNull),
            orIfTooLong: .refused(.tooManyVersions)
        )
    }
}
