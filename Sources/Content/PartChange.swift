package import Register
package import StoreModel

/// Puts a part in the place of the one with its number.
///
/// The manifests that its runs are borrowed from are held by the upload's manifest when the change
/// is proposed (rule R1).
package struct PartChange: RegisterChange {
    package enum Outcome: Hashable, Sendable {
        case stored(PartRecord)
        /// Too many manifests are held on behalf of the part.
        ///
        /// Nothing changes.
        case full
    }

    /// The part, with the least time it may get; it borrows from its source at most.
    package let part: PartRecord

    package init(_ part: PartRecord) { self.part = part }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome> {
        var part = self.part
        var borrowed = Set(part.borrowed + (part.source.map { [$0] } ?? []))
        if let body = value?.body {
            let before = try PartRecord(decoding: body)
            let next = min(before.modified.microseconds, .max - 1) + 1
            part.modified = max(part.modified, HybridTime(microseconds: next))
            // Whoever completes the upload may yet use the former part (trap H5).
            borrowed.formUnion(before.borrowed)
        }
        guard borrowed.count <= Limit.partBorrows else { return .keep(.full) }
        part.borrowed = borrowed.sorted()
        return .write(body: part.encoded, hasGarbage: false, .stored(part))
    }
}

/// Removes a part of an upload that is closed.
///
/// - Precondition: whoever proposes it has seen the upload closed; so it stays.
package struct RemovePartChange: RegisterChange {
    package init() {}

    /// The outcome is whether there was a part.
    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Bool> {
        guard value?.body != nil else { return .keep(false) }
        return .write(body: nil, hasGarbage: false, true)
    }
}
