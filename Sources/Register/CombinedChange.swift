package import StoreModel

/// Several changes of one register as one: each is evaluated on what those before it made of it.
///
/// Proposed as one change with one name, so every rule of a change holds for all of them at once:
/// they take effect together, one right after the other, or not at all. What became of each is
/// known to whoever proposed them, and only there. Source: docs/protocol/registers.md, "Combined
/// changes".
package struct CombinedChange: RegisterChange {
    /// Changes in one proposal.
    ///
    /// Each is a few kilobytes to decode and encode again, as a rule.
    package static let countMax = 64
    /// Once values of so many bytes (1 MiB) have been made on the way, no further change is taken
    /// in: records can be large, and all of them but the last are thrown away.
    private static let bytesMax = 1 << 20

    /// What became of one change.
    package enum Result: Sendable {
        case wrote(any Sendable)
        case kept(any Sendable)
        /// The record cannot be read, or would be too long with it.
        case damaged
    }

    /// For each change its result; nil if it is no part of the proposal.
    package typealias Outcome = [Result?]

    private let changes: [any RegisterChange]
    private var withdrawn: Set<Int> = []

    /// - Precondition: 1 to ``countMax`` changes.
    package init(_ changes: [any RegisterChange]) {
        precondition((1...Self.countMax).contains(changes.count), "A proposal is bounded.")
        self.changes = changes
    }

    /// The same without some of the changes; the others keep their places in the outcome.
    package func without(_ indices: Set<Int>) -> CombinedChange {
        var rest = self
        rest.withdrawn.formUnion(indices)
        return rest
    }

    /// No change is left.
    package var isEmpty: Bool { self.withdrawn.count == self.changes.count }

    private enum Step {
        case next
        case end
        case retry(above: Ballot)
    }

    /// A value that is being changed again and again.
    private struct Draft {
        var value: RegisterValue?
        var results: Outcome
        /// Where the next change will want its ballot, once something was written.
        var nextAbove: Ballot?
        var bytes = 0
        var error: RecordError?
    }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome> {
        var draft = Draft(value: value, results: Array(repeating: nil, count: self.changes.count))
        evaluation: for (index, change) in self.changes.enumerated()
        where !self.withdrawn.contains(index) {
            switch Self.evaluate(change, index, &draft, base: value, ballot) {
            case .next: continue
            case .end: break evaluation
            case .retry(let above): return .retry(above: above)
            }
        }
        let damaged = draft.results.count { $0.isDamaged }
        if let error = draft.error, damaged + self.withdrawn.count == self.changes.count {
            throw error
        }
        guard let nextAbove = draft.nextAbove else { return .keep(draft.results) }
        return .write(
            body: draft.value?.body,
            hasGarbage: draft.value?.hasGarbage ?? false,
            nextAbove: nextAbove,
            draft.results
        )
    }

    /// Evaluates one change on the draft.
    private static func evaluate<Change: RegisterChange>(
        _ change: Change,
        _ index: Int,
        _ draft: inout Draft,
        base: RegisterValue?,
        _ ballot: Ballot
    ) -> Step {
        do throws(RecordError) {
            switch try change.apply(to: draft.value, ballot: ballot) {
            case .write(let body, let hasGarbage, let nextAbove, let outcome):
                let bytes = body?.count ?? 0
                guard bytes <= Limit.registerValueBytes else {
                    // On the base itself it may fit: it begins the next proposal.
                    if draft.nextAbove != nil { return .end }
                    throw .tooLong(bytes: bytes, limit: Limit.registerValueBytes)
                }
                draft.value = RegisterValue(
                    changeNumber: (base?.changeNumber ?? 0) + 1,
                    lineage: base?.lineage ?? [],
                    body: body,
                    hasGarbage: hasGarbage
                )
                draft.nextAbove = nextAbove
                draft.results[index] = .wrote(outcome)
                draft.bytes += bytes
                return draft.bytes < Self.bytesMax ? .next : .end
            case .keep(let outcome):
                draft.results[index] = .kept(outcome)
                return .next
            case .retry(let above):
                let isFirst = !draft.results.contains { $0 != nil }
                return isFirst ? .retry(above: above) : .end
            }
        } catch {
            draft.results[index] = .damaged
            draft.error = draft.error ?? error
            return .next
        }
    }
}

extension CombinedChange.Result? {
    fileprivate var isDamaged: Bool {
        if case .damaged? = self { return true }
        return false
    }
}
