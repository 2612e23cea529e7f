package import StoreModel

extension RegisterProposer {
    /// How long a read that a majority answered differently waits for the others.
    package static var readPatience: Duration { .milliseconds(3) }

    /// The same for further looks: the others are needed, or nobody would have to look again.
    private static var againPatience: Duration { .milliseconds(100) }

    /// Looks of a read before it proposes anything, as long as they show something new.
    private static var readLooksMax: Int { 12 }

    /// Further looks that show nothing new, after which nobody else is taken to be at work.
    private static var quietReadLooksMax: Int { 2 }

    /// Reads the register: what is returned was chosen at some instant during the call.
    ///
    /// One round where a majority, which is asked first, shows the same; otherwise the newest value
    /// is brought to those behind. Where they have promised more, somebody is about to change the
    /// register: the read looks again for a while, and only then proposes what it has found, in its
    /// turn (``RegisterReplicas/beginSettling(_:)``). So readers outbid writers and each other
    /// seldom, however many there are. `generation` is the bucket generation the caller has read (0
    /// for registers that have none): a value that only a minority holds is not completed in a
    /// bucket that is being deleted.
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
        var found = try await self.look(at: key, generation: generation, &rounds)
        rounds.majorityAnswered()
        while true {
            if let found { return found }
            if await self.replicas.beginSettling(key) {
                if let settled = try await self.inTurn(key, generation: generation, &rounds) {
                    return settled
                }
                try await self.pause(&rounds, orThrow: .contended)
            } else if rounds.isOver(at: self.replicas.nanoseconds) {
                throw .contended
            }
            found = try await self.look(at: key, generation: generation, &rounds)
        }
    }

    private func inTurn(
        _ key: RegisterKey,
        generation: UInt64,
        _ rounds: inout Rounds
    ) async throws(RegisterError) -> RegisterState? {
        defer { self.replicas.endSettling(key) }
        return try await self.settleOnce(key, generation: generation, &rounds)
    }

    /// Looks what a majority shows, until that is one thing or nobody seems to be at work any more.
    ///
    /// - Returns: nil if it is for the caller to settle the register.
    private func look(
        at key: RegisterKey,
        generation: UInt64,
        _ rounds: inout Rounds
    ) async throws(RegisterError) -> RegisterState? {
        var (newest, quiet) = (Ballot.zero, 0)
        for look in 0..<Self.readLooksMax {
            let tally = try await self.askToRead(key, isAgain: look > 0, &rounds)
            if let agreed = tally.agreed { return agreed }
            if let repaired = try await self.repair(key, tally, generation: generation) {
                return repaired
            }
            let seen = tally.newest?.ballot ?? .zero
            rounds.saw(seen)
            (newest, quiet) = (seen, seen == newest ? quiet + 1 : 0)
            guard quiet < Self.quietReadLooksMax, !rounds.isOver(at: self.replicas.nanoseconds)
            else { return nil }
            await self.replicas.pause(upTo: look < 8 ? Self.readPatience : .milliseconds(16))
        }
        return nil
    }

    /// Asks all replicas what they have, once.
    func readOnce(
        _ key: RegisterKey,
        quorumFirst: Bool = false,
        patience: Duration = Self.readPatience
    ) async throws(RegisterError) -> ReadTally {
        let group = try self.replicas.group(of: key)
        let replies = await self.replicas.ask(
            .read,
            about: key,
            of: group,
            RoundTerms(patience: patience, quorumFirst: quorumFirst)
        ) { ReadTally($0, of: group).agreed != nil }
        return ReadTally(replies, of: group)
    }

    /// Asks until enough have answered.
    ///
    /// The first look asks a majority first; those after it ask all, and wait for them.
    private func askToRead(
        _ key: RegisterKey,
        isAgain: Bool,
        _ rounds: inout Rounds
    ) async throws(RegisterError) -> ReadTally {
        var isFirst = !isAgain
        while true {
            let tally = try await self.readOnce(
                key,
                quorumFirst: isFirst,
                patience: isAgain ? Self.againPatience : Self.readPatience
            )
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
