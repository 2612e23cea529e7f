package import Register
package import StoreModel

/// The life of a bucket's register.
///
///     absent ──create──▶ active(g) ──beginDelete──▶ deleting(g+1) ──finishDelete──▶ tombstone
///                           ▲                            │
///                           └──────── active(g+2) ◀──abortDelete
///
/// Settings change while it is active; a change of one that binds writes leads to the next
/// generation, too.
///
/// Source: docs/protocol/registers.md, "Deleting a bucket".
package enum BucketChange: RegisterChange {
    /// Creates the bucket with this record.
    case create(BucketRecord)
    /// Begins to delete the bucket if it is active in that generation.
    case beginDelete(generation: UInt64)
    /// Makes the bucket active again if it is being deleted in that generation.
    case abortDelete(generation: UInt64)
    /// Deletes the bucket if it is being deleted in that generation.
    case finishDelete(generation: UInt64)
    /// Changes a setting of the bucket with this id if it is active.
    case set(BucketID, BucketSetting)

    package enum Outcome: Hashable, Sendable {
        case created
        case deleting(BucketRecord)
        case aborted
        case deleted
        /// The bucket as it is now.
        case set(BucketRecord)
        /// The bucket is not in the state that the change starts from: what it is instead.
        case unchanged(BucketRecord?)
    }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome> {
        let current: BucketRecord?
        if let body = value?.body {
            current = try BucketRecord(decoding: body)
        } else {
            current = nil
        }
        switch (self, current) {
        case (.create(let record), nil):
            return .write(body: record.encoded, hasGarbage: false, .created)
        case (.beginDelete(let generation), var record?)
        where record.state == .active && record.generation == generation:
            record.state = .deleting
            record.generation += 1
            return .write(body: record.encoded, hasGarbage: false, .deleting(record))
        case (.abortDelete(let generation), var record?)
        where record.state == .deleting && record.generation == generation:
            record.state = .active
            record.generation += 1
            return .write(body: record.encoded, hasGarbage: false, .aborted)
        case (.finishDelete(let generation), let record?)
        where record.state == .deleting && record.generation == generation:
            return .write(body: nil, hasGarbage: false, .deleted)
        case (.set(let id, let setting), var record?)
        where record.state == .active && record.id == id:
            let before = record.settings
            record.settings.set(setting)
            guard record.settings != before else { return .keep(.set(record)) }
            if setting.bindsWrites { record.generation += 1 }
            return .write(body: record.encoded, hasGarbage: false, .set(record))
        default:
            return .keep(.unchanged(current))
        }
    }
}
