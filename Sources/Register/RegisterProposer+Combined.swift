package import StoreModel

/// What a proposer of combined changes has to say beyond the changes themselves.
package struct CombinedTerms: Sendable {
    /// A ballot prepared earlier, not used for anything else.
    package var prepared: Prepared?
    /// After it no new attempt starts.
    package var deadline: Duration
    /// The caller's last change of the register; see ``RegisterProposer``.
    package var streak: OperationID?
    /// Attempts that may be lost to others; nil goes on until the deadline.
    ///
    /// After so many the changes end as `contended`, if nothing of them can take effect any more.
    package var lostMax: Int?

    package init(
        prepared: Prepared? = nil,
        deadline: Duration,
        streak: OperationID? = nil,
        lostMax: Int? = nil
    ) {
        self.prepared = prepared
        self.deadline = deadline
        self.streak = streak
        self.lostMax = lostMax
    }
}

/// How combined changes ended.
package struct CombinedEnd: Sendable {
    /// Nil if all of them were withdrawn, certainly without an effect.
    package let result: Result<Changed<CombinedChange.Outcome>?, RegisterError>
    /// Attempts lost to others.
    package let lost: Int

    package init(result: Result<Changed<CombinedChange.Outcome>?, RegisterError>, lost: Int) {
        self.result = result
        self.lost = lost
    }
}

extension RegisterProposer {
    /// Changes the register by several changes at once.
    ///
    /// An error is true of all of them. Those without a result in the outcome were no part of what
    /// took effect, and certainly had none.
    ///
    /// - Parameters:
    ///   - key: The register.
    ///   - operation: Names this one call; never used for another.
    ///   - generation: The bucket generation that all of them carry.
    ///   - terms: See ``CombinedTerms``.
    ///   - change: The changes.
    ///   - beforeAccept: Shown the ballot and the outcome of each proposal just before it leaves.
    ///     The changes whose places it returns are taken out, now and for all later attempts; they
    ///     take effect only if an earlier attempt does.
    /// - Returns: how it ended, with all changes or some.
    package func change(
        _ key: RegisterKey,
        operation: OperationID,
        generation: UInt64,
        _ terms: CombinedTerms,
        _ change: CombinedChange,
        beforeAccept: (Ballot, CombinedChange.Outcome) async -> Set<Int>
    ) async -> CombinedEnd {
        let progress = ChangeProgress(
            change,
            key: key,
            operation: operation,
            generation: generation
        )
        var lost = 0
        var rest = change
        let run = ChangeTerms(
            deadline: terms.deadline,
            streak: terms.streak,
            lostMax: terms.lostMax
        ) { lost = $0 }
        do throws(RegisterError) {
            let ending = try await self.run(progress, from: terms.prepared, run) {
                prepared,
                outcome in
                let withdrawn = await beforeAccept(prepared.ballot, outcome)
                if withdrawn.isEmpty { return .ready }
                rest = rest.without(withdrawn)
                return rest.isEmpty ? .abandoned : .instead(rest)
            }
            switch ending {
            case .done(let changed): return CombinedEnd(result: .success(changed), lost: lost)
            case .refused(.error(let error)):
                return CombinedEnd(result: .failure(error), lost: lost)
            case .refused(.abandoned): return CombinedEnd(result: .success(nil), lost: lost)
            }
        } catch { return CombinedEnd(result: .failure(error), lost: lost) }
    }

    /// Draws a ballot and asks for the promise of a majority, once; nil if others are in the way.
    package func prepareOnce(_ key: RegisterKey) async -> Prepared? {
        var rounds = Rounds(
            now: self.replicas.nanoseconds,
            deadline: Self.defaultDeadline,
            above: .zero
        )
        guard case .prepared(let prepared)? = try? await self.prepareOnce(key, &rounds) else {
            return nil
        }
        return prepared
    }
}
