package import Register
package import StoreModel

/// Removes of a key what its bucket's rules want gone.
///
/// The rules are asked about the record that the change finds, so that nothing goes because of what
/// somebody has seen before: what was written meanwhile is as young as it is. Making it twice is
/// harmless. Source: docs/protocol/content.md, "Lifecycle rules".
package struct ExpireChange: RegisterChange {
    /// Most versions and uploads that one change removes: room is left in the garbage for clients.
    package static let entriesMax = 200

    /// What is gone, or hidden.
    package struct Outcome: Hashable, Sendable {
        package var objects = 0
        /// Old versions, and delete markers that hid nothing.
        package var versions = 0
        package var uploads = 0
        /// More is to go than one change may remove.
        package var isMoreDue = false
        /// Why something is left.
        package var refusal: WriteRefusal?

        package init() {}

        var isEmpty: Bool { self.objects == 0 && self.versions == 0 && self.uploads == 0 }
    }

    package let key: ObjectKey
    package let rules: LifecycleRules
    package let clock: LifecycleClock
    /// What hides a current version; nil if the bucket never kept versions.
    package let marker: Version?

    package init(
        _ key: ObjectKey,
        by rules: LifecycleRules,
        at clock: LifecycleClock,
        behind marker: Version?
    ) {
        precondition(marker.map(\.isMarker) ?? true)
        self.key = key
        self.rules = rules
        self.clock = clock
        self.marker = marker
    }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome> {
        let record = try ObjectRecord(value)
        var verdict = self.rules.verdict(on: record, of: self.key, at: self.clock)
        let decision = self.carryOut(verdict, on: record, ballot)
        // A record that is as long as may be has no room for a marker; the rest can go.
        guard case .keep(let outcome) = decision, outcome.refusal == .tooManyVersions,
            verdict.current != nil
        else { return decision }
        verdict.current = nil
        return self.carryOut(verdict, on: record, ballot, after: .tooManyVersions)
    }

    private func carryOut(
        _ verdict: LifecycleVerdict,
        on record: ObjectRecord,
        _ ballot: Ballot,
        after refusal: WriteRefusal? = nil
    ) -> ChangeDecision<Outcome> {
        var removal = Removal(record: record, ballot: ballot)
        removal.outcome.refusal = refusal
        for upload in verdict.uploads {
            removal.remove(\.uploads) { $0.closeUpload(upload, at: $1) }
        }
        for id in verdict.versions {
            guard let version = record.versions.first(where: { $0.id == id }) else { continue }
            removal.remove(\.versions) { $0.drop(version, at: $1) }
        }
        if let id = verdict.current, let current = record.current, current.id == id {
            removal.remove(\.objects) { record, ballot in
                guard let marker = self.marker else { return record.drop(current, at: ballot) }
                let dropping = record.makeRoom(for: marker, at: ballot)
                if case .dropped = dropping { _ = record.add(marker, at: ballot) }
                return dropping
            }
        }
        if let ceiling = removal.ceiling { return .retry(above: ceiling) }
        guard !removal.outcome.isEmpty else { return .keep(removal.outcome) }
        removal.record.advance(to: self.clock.now)
        var tooLong = Outcome()
        tooLong.refusal = .tooManyVersions
        return removal.record.decision(removal.outcome, orIfTooLong: tooLong)
    }
}

/// A record from which one thing after another goes.
private struct Removal {
    var record: ObjectRecord
    let ballot: Ballot
    var outcome = ExpireChange.Outcome()
    /// The highest one that the ballot has to lie above and does not.
    private(set) var ceiling: Ballot?
    private var entries = 0

    init(record: ObjectRecord, ballot: Ballot) {
        self.record = record
        self.ballot = ballot
    }

    mutating func remove(
        _ counter: WritableKeyPath<ExpireChange.Outcome, Int>,
        _ drop: (inout ObjectRecord, Ballot) -> ObjectRecord.Dropping
    ) {
        guard self.entries < ExpireChange.entriesMax else {
            self.outcome.isMoreDue = true
            return
        }
        switch drop(&self.record, self.ballot) {
        case .dropped:
            self.entries += 1
            self.outcome[keyPath: counter] += 1
        case .above(let ceiling): self.ceiling = max(self.ceiling ?? ceiling, ceiling)
        case .refused(let refusal): self.outcome.refusal = refusal
        }
    }
}
