package import StoreModel

/// How an attempt to erase a register's rows ended.
package enum EraseOutcome: Hashable, Sendable {
    /// Every replica was told to forget its row, and this many confirmed it.
    case erased(replicas: Int)
    /// The register holds something, or nobody has a row.
    case notNeeded
    /// A replica is missing or has promised more: another time.
    case postponed
}

extension RegisterProposer {
    /// Erases the rows of a register that has been deleted.
    ///
    /// The tombstone is committed at a fresh ballot, without a promise for a next change, and *all*
    /// replicas have to take it: an older value that one of them still had would win the next
    /// prepare once the others have forgotten the tombstone. An erasure that only some hear of is
    /// harmless: who meets "no row" beside a tombstone commits the tombstone again, above the
    /// floor.
    ///
    /// - Parameters:
    ///   - key: The register.
    ///   - generation: The bucket generation under which a tombstone that only a minority shows may
    ///     be completed.
    ///   - deadline: After it no new ballot is tried.
    ///   - needsAll: False breaks the rule on purpose: a majority suffices.
    ///   - mayBeJoint: True leaves out another rule: rows are erased while replicas are changed.
    /// - Returns: How it ended.
    /// - Throws: `unavailable`, `contended`, `fenced`. No row was erased.
    /// Source: docs/protocol/registers.md, "Erasing tombstones".
    package func erase(
        _ key: RegisterKey,
        generation: UInt64,
        deadline: Duration = Self.defaultDeadline,
        needsAll: Bool = true,
        mayBeJoint: Bool = false
    ) async throws(RegisterError) -> EraseOutcome {
        let group = try self.replicas.group(of: key)
        // Whoever joins would have to forget the row, too, and may not have it yet.
        guard !group.isJoint || mayBeJoint else { return .postponed }
        func suffice(_ places: [Int]) -> Bool {
            needsAll ? places.count == group.count : group.quorum.isMet(by: places)
        }
        // A look first: nothing is written as long as it would be in vain.
        let shown = ReadTally(await self.askAll(.read, about: key, of: group), of: group)
        guard suffice(shown.rows.map(\.replica)) else { return .postponed }
        guard let newest = shown.newest, newest.value?.isTombstone == true else {
            return .notNeeded
        }
        var rounds = Rounds(
            now: self.replicas.nanoseconds,
            deadline: deadline,
            above: newest.ballot
        )
        let prepared = try await self.prepare(key, &rounds)
        guard prepared.identity.isTombstone else { return .notNeeded }
        guard prepared.group == group else { return .postponed }
        let accept = RegisterRequest.accept(
            prepared.ballot,
            prepared.identity,
            generation: prepared.isChosen ? .max : generation
        )
        let tally = AcceptTally(await self.askAll(accept, about: key, of: group), of: group)
        if case .fenced(let least) = tally.round { throw .fenced(generation: least) }
        guard suffice(tally.accepted) else { return .postponed }
        let replies = await self.askAll(.erase(prepared.ballot), about: key, of: group)
        return .erased(replicas: replies.count { $0.reply == .erased })
    }

    /// Asks all replicas and waits for each.
    private func askAll(
        _ request: RegisterRequest,
        about key: RegisterKey,
        of group: ReplicaGroup
    ) async -> [(replica: Int, reply: RegisterReply)] {
        await self.replicas.ask(request, about: key, of: group, RoundTerms()) { _ in false }
    }
}
