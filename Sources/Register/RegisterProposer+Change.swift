import StoreModel

extension RegisterProposer {
    /// Takes an operation to its end, one ballot after another.
    ///
    /// `beforeAccept` runs before each accept that carries the effect; false abandons the
    /// operation.
    func run<Change: RegisterChange>(
        _ operation: ChangeProgress<Change>,
        from given: Prepared?,
        deadline: Duration,
        beforeAccept: (Ballot, RegisterValue?) async -> Bool
    ) async throws(RegisterError) -> ChangeProgress<Change>.Ending {
        var progress = operation
        var given = given
        var rounds = Rounds(
            now: self.replicas.nanoseconds,
            deadline: deadline,
            above: given?.ballot ?? .zero
        )
        while true {
            if rounds.isOver(at: self.replicas.nanoseconds) {
                progress.refuse(.error(.contended))
            }
            if let refusal = progress.refusal {
                guard progress.hasSent else { return .refused(refusal) }
                guard rounds.maySettle() else { throw .unknownOutcome }
            }
            let next = try await self.ballot(for: progress, given: &given, &rounds)
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
            case .settle(let identity, let generation, let ending):
                proposal = Proposal(value: identity, generation: generation, ending: ending)
            case .propose(let value, let outcome):
                guard await beforeAccept(prepared.ballot, prepared.value) else {
                    progress.refuse(.abandoned)
                    continue
                }
                progress.sent(at: prepared.ballot, value, outcome)
                let state = RegisterState(ballot: prepared.ballot, value: value)
                proposal = Proposal(
                    value: value,
                    generation: progress.generation,
                    ending: .done(Changed(outcome: outcome, state: state))
                )
            }
            switch try await self.send(proposal, progress, prepared.ballot, &rounds) {
            case .accepted: return proposal.ending
            case .fenced(let least): progress.refuse(.error(.fenced(generation: least)))
            case .conflict, .silent: break
            }
            await self.pause(&rounds)
        }
    }

    /// A value about to be sent, and what its acceptance means.
    private struct Proposal<Change: RegisterChange> {
        let value: RegisterValue
        let generation: UInt64
        let ending: ChangeProgress<Change>.Ending
    }

    private func send<Change: RegisterChange>(
        _ proposal: Proposal<Change>,
        _ progress: ChangeProgress<Change>,
        _ ballot: Ballot,
        _ rounds: inout Rounds
    ) async throws(RegisterError) -> AcceptTally.Round {
        try await self.accept(
            progress.key,
            ballot,
            proposal.value,
            generation: proposal.generation,
            &rounds
        )
    }

    /// The ballot for the next attempt: the one given, or a new one; nil if this round brought
    /// none.
    private func ballot<Change: RegisterChange>(
        for progress: ChangeProgress<Change>,
        given: inout Prepared?,
        _ rounds: inout Rounds
    ) async throws(RegisterError) -> Prepared? {
        if let prepared = given {
            given = nil
            return prepared
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
            break
        }
        await self.pause(&rounds)
        return nil
    }
}
