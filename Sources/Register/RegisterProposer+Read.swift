package import StoreModel

extension RegisterProposer {
    /// How long a read that a majority answered differently waits for the others.
    package static var readPatience: Duration { .milliseconds(3) }

    /// Reads the register: what is returned was chosen at some instant during the call.
    ///
    /// One round where a majority shows the same; otherwise the newest value is brought to those
    /// behind. `generation` is the bucket generation the caller has read (0 for registers that have
    /// none): a value that only a minority holds is not completed in a bucket that is being
    /// deleted.
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
        let count = try self.replicas.replicaCount(of: key)
        var tally = ReadTally([], of: count)
        while true {
            let replies = try await self.replicas.ask(
                .read,
                about: key,
                patience: Self.readPatience
            ) { ReadTally($0, of: count).agreed != nil }
            tally = ReadTally(replies, of: count)
            if let agreed = tally.agreed { return agreed }
            if tally.rows.count >= tally.majority { break }
            let error = RegisterError.unavailable(
                needed: tally.majority,
                answered: tally.rows.count,
                mayHaveHappened: false
            )
            guard rounds.mayTryAgainAfterSilence() else { throw error }
            try await self.pause(&rounds, orThrow: error)
        }
        if let repaired = try await self.repair(key, tally, generation: generation) {
            return repaired
        }
        rounds.saw(tally.newest?.ballot ?? .zero)
        rounds.majorityAnswered()
        return try await self.commitIdentity(key, generation: generation, &rounds)
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
        var holders = tally.rows.count { $0.accepted == newest.ballot }
        let request = RegisterRequest.accept(newest.ballot, value, generation: generation)
        for row in tally.rows where row.accepted < newest.ballot && holders < tally.majority {
            switch await self.replicas.ask(request, about: key, replica: row.replica) {
            case .accepted: holders += 1
            case .fenced(let least): throw .fenced(generation: least)
            default: return nil
            }
        }
        return holders >= tally.majority ? newest : nil
    }
}
