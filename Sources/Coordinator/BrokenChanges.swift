import Content
import Register
import StoreModel

/// Makes a manifest dead whoever holds it by now: rule R6 broken on purpose.
struct DeathChange: RegisterChange {
    func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<[ManifestID]> {
        guard let body = value?.body else { return .keep([]) }
        var record = try ManifestRecord(decoding: body)
        (record.state, record.holds) = (.dead, [])
        return .write(body: record.encoded, hasGarbage: true, record.borrows)
    }
}

/// Seals a manifest for a version although it is dead: rule R6 broken on purpose.
struct RevivalChange: RegisterChange {
    let segments: [SegmentRun]
    let hold: Hold

    func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Bool> {
        guard let value, value.changeNumber > 0 else { return .keep(false) }
        var record = ManifestRecord.stillborn
        if let body = value.body { record = try ManifestRecord(decoding: body) }
        guard record.state == .dead else { return .keep(false) }
        (record.state, record.holds) = (.sealed, [self.hold])
        record.list = SegmentList(self.segments)
        return .write(body: record.encoded, hasGarbage: false, true)
    }
}

/// Creates a manifest at a ballot above its birth where there is none: trap H2.
struct LateCreation: RegisterChange {
    let record: ManifestRecord

    func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Bool> {
        guard let value, value.changeNumber > 0 else {
            return .write(body: self.record.encoded, hasGarbage: false, true)
        }
        guard let body = value.body else { return .keep(false) }
        let found = try ManifestRecord(decoding: body)
        return .keep(found.holds.contains { $0.owner == self.record.holds[0].owner })
    }
}
