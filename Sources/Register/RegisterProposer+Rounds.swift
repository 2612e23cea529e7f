import StoreModel

extension RegisterProposer {
    /// How one prepare ended.
    enum PrepareRound {
        case prepared(Prepared)
        case conflict
        case silent(needed: Int, answered: Int)
    }

    /// Draws a ballot and asks all replicas to promise it, once.
    func prepareOnce(
        _ key: RegisterKey,
        _ rounds: inout Rounds
    ) async throws(RegisterError) -> PrepareRound {
        let group = try self.replicas.group(of: key)
        // The birth accept of a manifest is the lowest of all: everybody else starts above it.
        if case .manifest(let manifest) = key { rounds.saw(manifest.birth) }
        let ballot = self.replicas.ballot(above: rounds.newest, for: key)
        precondition(ballot.round > rounds.newest.round, "A new ballot beats what was seen.")
        rounds.saw(ballot)
        let replies = await self.replicas.ask(
            .prepare(ballot),
            about: key,
            of: group,
            RoundTerms(patience: Self.roundPatience)
        ) { PrepareTally($0, of: group).isDecided }
        let tally = PrepareTally(replies, of: group)
        rounds.saw(tally.newest)
        if let prepared = tally.prepared(ballot) {
            rounds.majorityAnswered()
            return .prepared(prepared)
        }
        if !tally.refused.isEmpty || self.hasMoved(key, from: group) { return .conflict }
        return .silent(needed: group.quorum.least, answered: tally.promised.count)
    }

    /// Asks the replicas that have promised a ballot to take a value at it, once.
    ///
    /// With `isThorough` a refusal by a majority is followed up for a little while: refused by all
    /// is more than refused by most. Many changes may have followed since the promise. Unless all
    /// are known to have refused the accept, it may be part of what they built on, and have left
    /// their lineage: then nobody can tell whether it took effect.
    func accept(
        _ key: RegisterKey,
        _ prepared: Prepared,
        _ value: RegisterValue,
        generation: UInt64,
        next: Ballot? = nil,
        isThorough: Bool = false,
        _ rounds: inout Rounds
    ) async -> AcceptTally {
        let group = prepared.group
        let replies = await self.replicas.ask(
            .accept(prepared.ballot, value, generation: generation, next: next),
            about: key,
            of: group,
            RoundTerms(patience: Self.roundPatience)
        ) { replies in
            let tally = AcceptTally(replies, of: group)
            return isThorough ? tally.isChosen || tally.isRefusedByAll : tally.isDecided
        }
        let tally = AcceptTally(replies, of: group)
        rounds.saw(tally.newest)
        return tally
    }

    /// How long the others are waited for once a majority has answered, but not alike: some have
    /// promised or taken what was asked, and some have refused.
    ///
    /// Those who are left would decide it; but one of them may stand still, and then every change
    /// of a contended register would wait for it.
    private static var roundPatience: Duration { .milliseconds(25) }

    /// Prepares until a majority has promised.
    func prepare(
        _ key: RegisterKey,
        _ rounds: inout Rounds
    ) async throws(RegisterError) -> Prepared {
        while true {
            switch try await self.prepareOnce(key, &rounds) {
            case .prepared(let prepared):
                return prepared
            case .conflict:
                try await self.pause(&rounds, orThrow: .contended)
            case .silent(let needed, let answered):
                let error = RegisterError.unavailable(
                    needed: needed,
                    answered: answered,
                    mayHaveHappened: false
                )
                guard rounds.mayTryAgainAfterSilence() else { throw error }
                try await self.pause(&rounds, orThrow: error)
            }
        }
    }

    /// Commits what a majority shows, at a new ballot.
    func commitIdentity(
        _ key: RegisterKey,
        generation: UInt64,
        _ rounds: inout Rounds
    ) async throws(RegisterError) -> RegisterState {
        while true {
            if let committed = try await self.commitIdentityOnce(
                key,
                try await self.prepare(key, &rounds),
                generation: generation,
                &rounds
            ) {
                return committed
            }
            try await self.pause(&rounds, orThrow: .contended)
        }
    }

    /// Prepares a ballot and commits what a majority shows, once.
    ///
    /// - Returns: nil if others were in the way.
    func settleOnce(
        _ key: RegisterKey,
        generation: UInt64,
        _ rounds: inout Rounds
    ) async throws(RegisterError) -> RegisterState? {
        switch try await self.prepareOnce(key, &rounds) {
        case .prepared(let prepared):
            return try await self.commitIdentityOnce(
                key,
                prepared,
                generation: generation,
                &rounds
            )
        case .conflict: return nil
        case .silent(let needed, let answered):
            guard rounds.mayTryAgainAfterSilence() else {
                throw .unavailable(needed: needed, answered: answered, mayHaveHappened: false)
            }
            return nil
        }
    }

    /// - Returns: nil if others were in the way, or too few answered.
    private func commitIdentityOnce(
        _ key: RegisterKey,
        _ prepared: Prepared,
        generation: UInt64,
        _ rounds: inout Rounds
    ) async throws(RegisterError) -> RegisterState? {
        let tally = await self.accept(
            key,
            prepared,
            prepared.identity,
            generation: prepared.isChosen ? .max : generation,
            &rounds
        )
        switch tally.round {
        case .accepted:
            return RegisterState(ballot: prepared.ballot, value: prepared.identity)
        case .conflict: return nil
        case .fenced(let leastGeneration):
            throw .fenced(generation: leastGeneration)
        case .silent(let needed, let answered):
            let error = RegisterError.unavailable(
                needed: needed,
                answered: answered,
                mayHaveHappened: false
            )
            guard !rounds.isOver(at: self.replicas.nanoseconds) else { throw error }
            return nil
        }
    }

    /// Waits before the next round, unless the time is up.
    func pause(
        _ rounds: inout Rounds,
        orThrow error: RegisterError
    ) async throws(RegisterError) {
        guard !rounds.isOver(at: self.replicas.nanoseconds) else { throw error }
        await self.pause(&rounds)
    }

    /// Waits before the next round.
    func pause(_ rounds: inout Rounds) async {
        await self.replicas.pause(upTo: rounds.pause(now: self.replicas.nanoseconds))
        rounds.resume(at: self.replicas.nanoseconds)
    }
}
