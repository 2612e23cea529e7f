package import StoreModel

extension RegisterProposer {
    /// How long a read that a majority answered differently waits for the others.
    package static var readPatience: Duration { .milliseconds(3) }

    /// Reads the register: what is returned was chosen at some instant during the call.
    ///
    /// One round where a majority, which is asked first, shows the same; otherwise the newest value
    /// is brought to those behind. `generation` is the bucket generation the caller has read (0 for
    /// registers that have none): a value that only a minority holds is not completed in a bucket
    /// that is being deleted.
    ///
    /// - Throws: `unavailable`, `contended`, or `fenced` if the bucket has moved on.
    package func read(
        _ key: RegisterKey,
        generation: UInt64,
        deadline: Duration = Self.defaultDeadline
    ) async throws(RegisterError) -> RegisterState {
        var rounds = Rounds(
            now: self.replicas.nanoseconds,
            deadline: deadline,
            above: .zero
        )
        let tally = try await self.askToRead(key, &rounds)
        if let agreed = tally.agreed { return agreed }
        if let repaired = try await self.repair(key, tally, generation: generation) {
            return repaired
        }
        rounds.saw(tally.newest?.ballot ?? .zero)
        rounds.majorityAnswered()
        return try await self.commitIdentity(key, generation: generation, &rounds)
    }

    /// Asks all replicas what they have, once.
    func readOnce(
        _ key: RegisterKey,
        quorumFirst: Bool = false
    ) async throws(RegisterError) -> ReadTally {
        let group = try self.replicas.group(of: key)
        let replies = await self.replicas.ask(
            .read,
            about: key,
            of: group,
            RoundTerms(patience: Self.readPatience, quorumFirst: quorumFirst)
        ) { ReadTally($0, of: group).agreed != nil }
        return ReadTally(replies, of: group)
    }

    /// Asks until enough have answered.
    private func askToRead(
        _ key: RegisterKey,
        _ rounds: inout Rounds
    ) async throws(RegisterError) -> ReadTally {
        var isFirst = true
        while true {
            let tally = try await self.readOnce(key, quorumFirst: isFirst)
            isFirst = false
            if tally.isQuorum { return tally }
            let error = RegisterError.unavailable(
                needed: tally.group.quorum.least,
                answered: tally.rows.count,
                mayHaveHappened: false
            )
            if !self.hasMoved(key, from: tally.group) {
                guard rounds.mayTryAgainAfterSilence() else { throw error }
            }
            try await self.pause(&rounds, orThrow: error)
        }
    }

    /// Sends the newest accept seen to the replicas behind, until a majority has it.
    ///
    /// Anybody may: it is a duplicate of the original message. Nil if one refuses or stays silent.
    private func repair(
        _ key: RegisterKey,
        _ tally: ReadTally,
        generation: UInt64
    ) async throws(RegisterError) -> RegisterState? {
        guard let newest = tally.newest, let value = newest.value else { return nil }
        let group = tally.group
        var holders = tally.holders(of: newest.ballot)
        let request = RegisterRequest.accept(newest.ballot, value, generation: generation)
        for row in tally.rows
        where row.accepted < newest.ballot && !group.quorum.isMet(by: holders) {
            switch await self.replicas.ask(request, about: key, of: group, replica: row.replica) {
            case .accepted: holders.append(row.replica)
            case .fenced(let least): throw .fenced(generation: least)
            default: return nil
            }
        }
        return group.quorum.isMet(by: holders) ? newest : nil
    }
}
