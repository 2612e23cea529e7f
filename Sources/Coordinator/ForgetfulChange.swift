import Content
import Register
import StoreModel

/// A change of an object that does not note what it drops: rule R9 broken on purpose.
struct ForgetfulChange<Base: RegisterChange>: RegisterChange {
    let base: Base

    init(_ base: Base) { self.base = base }

    func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Base.Outcome> {
        let decision = try self.base.apply(to: value, ballot: ballot)
        guard case .write(let body?, _, let nextAbove, let outcome) = decision else {
            return decision
        }
        var record = try ObjectRecord(decoding: body)
        record.garbage = try ObjectRecord(value).garbage
        let isEmpty =
            record.versions.isEmpty && record.garbage.isEmpty && record.pending == nil
        return .write(
            body: isEmpty ? nil : record.encoded,
            hasGarbage: !record.garbage.isEmpty || record.pending != nil,
            nextAbove: nextAbove,
            outcome
        )
    }
}
