import Register
import Runtime
import StoreModel

/// The changes of one proposal, and what has become of them so far.
struct Batch {
    let key: RegisterKey
    /// Never empty; all of one generation.
    let changes: [QueuedChange]
    /// Why changes were taken out.
    private var reasons: [Int: any Error] = [:]
    /// Those that an accept has left with.
    private var sent: Set<Int> = []

    init(_ key: RegisterKey, _ changes: [QueuedChange]) {
        precondition(!changes.isEmpty, "A proposal is about something.")
        self.key = key
        self.changes = changes
    }

    var generation: UInt64 { self.changes[0].generation }
    var mayYield: Bool { self.changes.allSatisfy(\.mayYield) }

    /// Gets a proposal ready to leave: everything that it names has to be held.
    ///
    /// - Returns: the changes to be taken out, their hold having failed.
    mutating func prepare(
        _ outcome: CombinedChange.Outcome,
        at ballot: Ballot,
        _ sabotage: Sabotage
    ) async -> Set<Int> {
        let failed = await withTaskGroup(of: (Int, (any Error)?).self) { group in
            for (index, result) in outcome.enumerated() {
                guard case .wrote? = result, let hold = self.changes[index].hold else { continue }
                if index > 0, sabotage.contains(.combineSkipsHold) { continue }
                group.addTask {
                    do {
                        try await hold.cover(ballot)
                        return (index, nil)
                    } catch { return (index, error) }
                }
            }
            var failed: [Int: any Error] = [:]
            for await (index, error) in group { failed[index] = error }
            return failed
        }
        self.reasons.merge(failed) { first, _ in first }
        if failed.isEmpty {
            self.sent.formUnion(outcome.indices.filter { outcome[$0] != nil })
        }
        return Set(failed.keys)
    }

    /// Tells everybody what has become of his change.
    ///
    /// - Returns: the changes that were no part of what took effect, and certainly had none.
    func answer(_ end: CombinedEnd) -> [QueuedChange] {
        switch end.result {
        case .success(let changed?): return self.answer(changed)
        case .success(nil):
            for (index, change) in self.changes.enumerated() {
                change.fail(self.reasons[index] ?? RegisterError.unknownOutcome)
            }
        case .failure(let error):
            for (index, change) in self.changes.enumerated() {
                let own = self.sent.contains(index) ? error : error.ofUnsent
                let isYield = change.mayYield && own == .contended && end.lost > 0
                let reason: any Error = isYield ? Yielded() : own
                change.fail(own.isCertain ? self.reasons[index] ?? reason : own)
            }
        }
        return []
    }

    private func answer(_ changed: Changed<CombinedChange.Outcome>) -> [QueuedChange] {
        var rest: [QueuedChange] = []
        for (change, (index, result)) in zip(self.changes, changed.outcome.enumerated()) {
            switch result {
            case .wrote(let outcome)?, .kept(let outcome)?:
                let changed = Changed(outcome: outcome, state: changed.state)
                change.answer.fulfil(.success(changed))
            case .damaged?: change.fail(RegisterError.damaged(self.key))
            case nil:
                if let reason = self.reasons[index] {
                    change.fail(reason)
                } else {
                    rest.append(change)
                }
            }
        }
        return rest
    }
}

extension RegisterError {
    /// Whether it says for sure that there was no effect.
    fileprivate var isCertain: Bool {
        switch self {
        case .unavailable(_, _, let mayHaveHappened): !mayHaveHappened
        case .unknownOutcome: false
        case .contended, .fenced, .damaged, .noLayout: true
        }
    }

    /// What it means for a change that no accept has left with.
    fileprivate var ofUnsent: RegisterError {
        switch self {
        case .unavailable(let needed, let answered, _):
            .unavailable(needed: needed, answered: answered, mayHaveHappened: false)
        case .unknownOutcome: .contended
        case .contended, .fenced, .damaged, .noLayout: self
        }
    }
}
