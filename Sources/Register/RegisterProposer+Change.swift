import StoreModel

/// Whether an accept may leave.
enum Readiness<Change: RegisterChange> {
    case ready
    /// Not at all: the operation ends.
    case abandoned
    /// Not this one: the same ballot is used for another change.
    case instead(Change)
}

/// How an operation is carried out.
struct ChangeTerms {
    let deadline: Duration
    /// The caller's last change of the register.
    var streak: OperationID?
    /// Attempts that may be lost to others before the operation ends as contended, if then nothing
    /// of it can have an effect any more; nil to go on until the deadline.
    ///
    /// A slow one counts ``Rounds/slowLoss`` times.
    var lostMax: Int?
    /// Told how many have been lost so far.
    var lost: (Int) -> Void = { _ in }

    func yields(after lost: Int) -> Bool { self.lostMax.map { lost >= $0 } ?? false }
}

extension RegisterProposer {
    /// Takes an operation to its end, one ballot after another.
    ///
    /// `beforeAccept` runs before each accept that carries the effect, and says whether it may
    /// leave. Where the base's last change was the terms' streak, each such accept has a ballot
    /// promised for the next change.
    func run<Change: RegisterChange>(
        _ operation: ChangeProgress<Change>,
        from given: Prepared?,
        _ terms: ChangeTerms,
        beforeAccept: (Prepared, Change.Outcome) async -> Readiness<Change>
    ) async throws(RegisterError) -> ChangeProgress<Change>.Ending {
        var progress = operation
        var given = given
        var rounds = Rounds(
            now: self.replicas.nanoseconds,
            deadline: terms.deadline,
            above: given?.ballot ?? .zero,
            absenceTrust: self.absenceTrust
        )
        while true {
            if rounds.isOver(at: self.replicas.nanoseconds) {
                progress.refuse(.error(.contended))
            }
            if let refusal = progress.refusal {
                guard progress.hasSent else { return .refused(refusal) }
                guard rounds.maySettle() else { throw .unknownOutcome }
            } else if terms.yields(after: rounds.lost), !progress.hasSent, given == nil {
                return .refused(.error(.contended))
            }
            let next = try await self.ballot(for: progress, given: &given, &rounds)
            terms.lost(rounds.lost)
            guard let prepared = next else { continue }
            let proposal: Proposal<Change>
            switch progress.step(
                prepared,
                canTrustAbsence: rounds.canTrustAbsence(at: self.replicas.nanoseconds)
            ) {
            case .finish(let ending):
                return ending
            case .prepare(let above):
                rounds.saw(above)
                continue
            case .settle(_, _, let ending) where self.replicas.skipsIdentities:
                return ending
            case .settle(let identity, let generation, let ending):
                proposal = Proposal(value: identity, generation: generation, ending: ending)
            case .propose(let value, let nextAbove, let outcome):
                switch await beforeAccept(prepared, outcome) {
                case .ready: break
                case .abandoned:
                    progress.refuse(.abandoned)
                    continue
                case .instead(let change):
                    progress.replace(with: change)
                    given = prepared
                    continue
                }
                progress.sent(at: prepared.ballot, value, outcome)
                let state = RegisterState(ballot: prepared.ballot, value: value)
                let isStreak =
                    terms.streak != nil && prepared.value?.lineage.last == terms.streak
                let next =
                    isStreak
                    ? self.promise(
                        progress.key,
                        after: state,
                        above: nextAbove,
                        of: prepared.group
                    ) : nil
                proposal = Proposal(
                    value: value,
                    generation: progress.generation,
                    next: next?.ballot,
                    ending: .done(
                        Changed(
                            outcome: outcome,
                            state: state,
                            name: value.lineage.last,
                            next: next
                        )
                    )
                )
            }
            // What all have refused is known to be without effect.
            let tally = await self.accept(
                progress.key,
                prepared,
                proposal.value,
                generation: proposal.generation,
                next: proposal.next,
                isThorough: true,
                &rounds
            )
            if tally.isRefusedByAll { progress.refused(at: prepared.ballot) }
            switch tally.round {
            case .accepted: return proposal.ending
            case .fenced(let least): progress.refuse(.error(.fenced(generation: least)))
            case .conflict:
                rounds.lose(at: self.replicas.nanoseconds)
                terms.lost(rounds.lost)
                if let ending = try await self.look(for: &progress, rounds) { return ending }
            case .silent: break
            }
            await self.pause(&rounds)
        }
    }

    /// A value about to be sent, and what its acceptance means.
    private struct Proposal<Change: RegisterChange> {
        let value: RegisterValue
        let generation: UInt64
        var next: Ballot?
        let ending: ChangeProgress<Change>.Ending
    }

    /// What will be promised for the change after `state`, once `state` is accepted.
    private func promise(
        _ key: RegisterKey,
        after state: RegisterState,
        above: Ballot,
        of group: ReplicaGroup
    ) -> Prepared {
        Prepared(
            ballot: self.replicas.ballot(above: max(state.ballot, above), for: key),
            accepted: state.ballot,
            value: state.value,
            isChosen: true,
            isFresh: false,
            group: group
        )
    }

    /// Looks at once what has become of accepts that others were in the way of.
    ///
    /// Pauses and lost rounds come next, and in the meantime others may make more changes than a
    /// lineage tells of: then nobody could say any more whether an accept was carried on.
    ///
    /// - Returns: how the operation ended, if it was.
    private func look<Change: RegisterChange>(
        for progress: inout ChangeProgress<Change>,
        _ rounds: Rounds
    ) async throws(RegisterError) -> ChangeProgress<Change>.Ending? {
        var (newest, quiet) = (Ballot.zero, 0)
        for look in 0..<Self.looksMax where progress.hasSent {
            let tally = try await self.readOnce(progress.key)
            guard tally.isQuorum else { return nil }
            let seen = tally.newest?.ballot ?? .zero
            (newest, quiet) = (seen, seen == newest ? quiet + 1 : 0)
            if let chosen = tally.agreed {
                let ending = progress.look(
                    at: chosen,
                    canTrustAbsence: rounds.canTrustAbsence(at: self.replicas.nanoseconds)
                )
                if ending != nil || !progress.hasSent { return ending }
            }
            // Nobody is at work: whoever was promised more has ended, or keeps it for later.
            guard quiet < Self.quietLooksMax else { return nil }
            await self.replicas.pause(upTo: look < 8 ? Self.readPatience : .milliseconds(16))
        }
        return nil
    }

    /// Reads after a lost accept, until those who were in the way have had something chosen: within
    /// a third of a second where reads are quick.
    private static var looksMax: Int { 48 }

    /// Reads in a row that show nothing new before it goes on.
    private static var quietLooksMax: Int { 8 }

    /// The ballot for the next attempt: the one given, unless replicas act by another layout by
    /// now, or a new one; nil if this round brought none.
    private func ballot<Change: RegisterChange>(
        for progress: ChangeProgress<Change>,
        given: inout Prepared?,
        _ rounds: inout Rounds
    ) async throws(RegisterError) -> Prepared? {
        if let prepared = given {
            given = nil
            if !self.hasMoved(progress.key, from: prepared.group) { return prepared }
        }
        switch try await self.prepareOnce(progress.key, &rounds) {
        case .prepared(let prepared):
            return prepared
        case .silent(let needed, let answered):
            guard rounds.mayTryAgainAfterSilence() else {
                throw .unavailable(
                    needed: needed,
                    answered: answered,
                    mayHaveHappened: progress.hasSent
                )
            }
        case .conflict:
            rounds.lose(at: self.replicas.nanoseconds)
        }
        await self.pause(&rounds)
        return nil
    }
}
