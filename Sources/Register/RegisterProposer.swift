package import StoreModel

/// Reads and changes registers: linearizable, whatever single replicas and messages do.
///
/// It holds no state: any number may work on one register at once. Source:
/// docs/protocol/registers.md.
package struct RegisterProposer<Replicas: RegisterReplicas>: Sendable {
    /// How long an operation tries before it gives up.
    package static var defaultDeadline: Duration { .seconds(10) }

    package let replicas: Replicas
    /// How long a missing row proves that an operation had no effect.
    ///
    /// Far below the time that a tombstone stays before its row may be erased.
    package let absenceTrust: Duration

    package init(replicas: Replicas, absenceTrust: Duration = .seconds(60)) {
        self.replicas = replicas
        self.absenceTrust = absenceTrust
    }

    /// Draws a ballot above `after` and has a majority promise it.
    ///
    /// May be called before the change is known, to have the round trip behind it; the promise may
    /// be lost by then, which costs no more than another round.
    ///
    /// - Throws: `contended` after too many conflicts, `unavailable` without a majority. Nothing is
    ///   written.
    package func prepare(
        _ key: RegisterKey,
        after: Ballot = .zero,
        deadline: Duration = Self.defaultDeadline
    ) async throws(RegisterError) -> Prepared {
        var rounds = Rounds(now: self.replicas.nanoseconds, deadline: deadline, above: after)
        return try await self.prepare(key, &rounds)
    }

    /// Changes the register, or finds that nothing is to be done.
    ///
    /// - Parameters:
    ///   - key: The register.
    ///   - operation: Names this one call; never used for another.
    ///   - generation: The bucket generation the caller has read; 0 for registers that have none.
    ///   - prepared: A ballot prepared earlier, not used for anything else.
    ///   - deadline: After it no new attempt starts; finding out how it ended may take a little
    ///     longer.
    ///   - streak: The caller's last change of the register. If it still is the last one, a ballot
    ///     is promised for the caller's next change along with this one.
    ///   - change: What to do; see ``RegisterChange``.
    /// - Returns: The outcome that the change gave, and the chosen state it is true of.
    /// - Throws: `contended`, `fenced` and `damaged` are certain: no effect. `unavailable` says so
    ///   itself.
    package func change<Change: RegisterChange>(
        _ key: RegisterKey,
        operation: OperationID,
        generation: UInt64,
        from prepared: Prepared? = nil,
        deadline: Duration = Self.defaultDeadline,
        streak: OperationID? = nil,
        _ change: Change
    ) async throws(RegisterError) -> Changed<Change.Outcome> {
        let progress = ChangeProgress(
            change,
            key: key,
            operation: operation,
            generation: generation
        )
        let terms = ChangeTerms(deadline: deadline, streak: streak)
        let ending = try await self.run(progress, from: prepared, terms) { _, _ in .ready }
        switch ending {
        case .done(let changed): return changed
        case .refused(.error(let error)): throw error
        case .refused(.abandoned): preconditionFailure("Nobody abandoned the change.")
        }
    }

    /// Changes the register, with work to be done before each accept.
    ///
    /// `beforeAccept` is shown the ballot and the base of each proposal just before it is sent. It
    /// may hold content for that ballot, for instance. What it throws is rethrown once it is
    /// certain that the change has had no effect; if an earlier attempt took effect after all, the
    /// call succeeds.
    ///
    /// - Parameters:
    ///   - key: The register.
    ///   - operation: Names this one call; never used for another.
    ///   - generation: The bucket generation the caller has read; 0 for registers that have none.
    ///   - prepared: A ballot prepared earlier, not used for anything else.
    ///   - deadline: After it no new attempt starts; finding out how it ended may take a little
    ///     longer.
    ///   - streak: The caller's last change of the register. If it still is the last one, a ballot
    ///     is promised for the caller's next change along with this one.
    ///   - beforeAccept: The work before each accept.
    ///   - change: What to do; see ``RegisterChange``.
    /// - Returns: The outcome that the change gave, and the chosen state it is true of.
    /// - Throws: ``RegisterError``, or the error of `beforeAccept`.
    package func change<Change: RegisterChange>(
        _ key: RegisterKey,
        operation: OperationID,
        generation: UInt64,
        from prepared: Prepared? = nil,
        deadline: Duration = Self.defaultDeadline,
        streak: OperationID? = nil,
        beforeAccept: (Ballot, RegisterValue?) async throws -> Void,
        _ change: Change
    ) async throws -> Changed<Change.Outcome> {
        let progress = ChangeProgress(
            change,
            key: key,
            operation: operation,
            generation: generation
        )
        var reason: (any Error)?
        let terms = ChangeTerms(deadline: deadline, streak: streak)
        let ending = try await self.run(progress, from: prepared, terms) { prepared, _ in
            do {
                try await beforeAccept(prepared.ballot, prepared.value)
                return .ready
            } catch {
                reason = error
                return .abandoned
            }
        }
        switch ending {
        case .done(let changed): return changed
        case .refused(.error(let error)): throw error
        case .refused(.abandoned): throw reason ?? RegisterError.unknownOutcome
        }
    }

    /// Commits the current value at a fresh ballot: evidence that later ballots alone can differ
    /// from it.
    ///
    /// Where there is no row it writes a tombstone. `generation` is as in
    /// ``change(_:operation:generation:from:deadline:_:)``.
    package func identity(
        _ key: RegisterKey,
        generation: UInt64,
        above: Ballot = .zero,
        deadline: Duration = Self.defaultDeadline
    ) async throws(RegisterError) -> RegisterState {
        var rounds = Rounds(now: self.replicas.nanoseconds, deadline: deadline, above: above)
        return try await self.commitIdentity(key, generation: generation, &rounds)
    }

    /// Creates a register by its birth accept, the only one that needs no prepare.
    ///
    /// - Precondition: nobody else ever proposes at `birth`, nor below it.
    package func create(
        _ key: RegisterKey,
        at birth: Ballot,
        _ value: RegisterValue
    ) async throws(RegisterError) -> CreateOutcome {
        let group = try self.replicas.group(of: key)
        let replies = await self.replicas.ask(
            .accept(birth, value, generation: 0),
            about: key,
            of: group,
            RoundTerms()
        ) { AcceptTally($0, of: group).isDecided }
        let tally = AcceptTally(replies, of: group)
        if tally.isChosen { return .created }
        return tally.accepted.isEmpty && tally.isDecided ? .refused : .unknown
    }

    /// Whether the register's replicas act by another layout than this by now.
    func hasMoved(_ key: RegisterKey, from group: ReplicaGroup) -> Bool {
        (try? self.replicas.group(of: key).epoch) != group.epoch
    }
}
