import StoreModel

/// One operation's way to an answer: decides what to propose at each ballot, and what to say at the
/// end.
///
/// Pure: it is shown what a majority promised and how each accept fared. Three rules rest here.
/// 1. After a conflict the operation may have been carried on by others: it is looked for in the
///   lineage.
/// 2. Once an accept has left, every answer but success waits for a commit at a higher ballot,
///   because a
///    later proposer may still adopt what a minority accepted.
/// 3. A base that only a minority has shown is adopted under the fence that binds the operation
///   itself.
///
/// Source: docs/protocol/registers.md, "Changes".
struct ChangeProgress<Change: RegisterChange> {
    /// Accepts of one operation that are remembered; one more is not sent.
    static var attemptsMax: Int { 1_000 }

    /// An accept that has left this node with the operation's effect in it.
    struct Attempt {
        /// What the lineage calls it.
        ///
        /// Two attempts can have different outcomes, and either may be carried on by others.
        let name: OperationID
        let ballot: Ballot
        let changeNumber: UInt64
        let outcome: Change.Outcome
        /// No replica has taken it, nor ever will.
        var isRefused = false
    }

    /// Why no further accept with the effect is sent.
    enum Refusal: Equatable {
        case error(RegisterError)
        /// The caller has changed its mind.
        case abandoned
    }

    enum Ending {
        case done(Changed<Change.Outcome>)
        case refused(Refusal)
    }

    /// What to do with a prepared ballot.
    enum Step {
        /// Propose the value with the effect; tell ``sent(at:_:_:)`` first.
        ///
        /// The ballot promised along with it, if any, lies above `nextAbove`.
        case propose(RegisterValue, nextAbove: Ballot, Change.Outcome)
        /// Commit the base again; the ending holds once a majority has accepted.
        case settle(RegisterValue, generation: UInt64, Ending)
        case finish(Ending)
        case prepare(above: Ballot)
    }

    private(set) var change: Change
    let key: RegisterKey
    let operation: OperationID
    let generation: UInt64
    /// Those that may yet be carried on by others.
    private(set) var attempts: [Attempt] = []
    private var attemptsMade = 0
    private(set) var refusal: Refusal?

    init(_ change: Change, key: RegisterKey, operation: OperationID, generation: UInt64) {
        self.change = change
        self.key = key
        self.operation = operation
        self.generation = generation
    }

    /// True while a replica may have the effect.
    var hasSent: Bool { self.attempts.contains { !$0.isRefused } }

    /// The first attempt bears the operation's own name, the others bear the numbers after it.
    private var nextName: OperationID {
        OperationID(self.operation.number &+ UInt64(self.attemptsMade))
    }

    /// From now on the operation only finds out whether it took effect.
    ///
    /// The first reason stays.
    mutating func refuse(_ reason: Refusal) {
        if self.refusal == nil { self.refusal = reason }
    }

    /// Goes on with another change in place of the present one.
    ///
    /// What has left stays remembered with the outcome that it had.
    mutating func replace(with change: Change) { self.change = change }

    /// Notes that the accept of a proposed value is about to leave.
    mutating func sent(at ballot: Ballot, _ value: RegisterValue, _ outcome: Change.Outcome) {
        precondition(self.refusal == nil, "Nothing leaves after the end was decided.")
        precondition(self.attempts.last.map { $0.ballot < ballot } ?? true, "Ballots grow.")
        precondition(value.lineage.last == self.nextName, "An attempt carries its own name.")
        self.attempts.append(
            Attempt(
                name: self.nextName,
                ballot: ballot,
                changeNumber: value.changeNumber,
                outcome: outcome
            )
        )
        self.attemptsMade += 1
        if self.attemptsMade == Self.attemptsMax { self.refuse(.error(.contended)) }
    }

    /// Notes that no replica has taken the proposal at a ballot, nor ever will.
    mutating func refused(at ballot: Ballot) {
        for index in self.attempts.indices where self.attempts[index].ballot == ballot {
            self.attempts[index].isRefused = true
        }
    }

    /// Looks for what has left in a state that is chosen since.
    ///
    /// - Returns: the ending, if it took effect. What is below the chosen ballot and did not cannot
    ///   be carried on any more and is forgotten, as in ``step(_:canTrustAbsence:)``.
    mutating func look(at chosen: RegisterState, canTrustAbsence: Bool) -> Ending? {
        switch self.verdict(chosen.value, canTrustAbsence: canTrustAbsence) {
        case .applied(let outcome): return .done(Changed(outcome: outcome, state: chosen))
        case .notApplied: self.attempts.removeAll { $0.ballot < chosen.ballot }
        case .unknown: break
        }
        return nil
    }

    /// Decides what a prepared ballot is used for.
    ///
    /// `canTrustAbsence` is false once so much time has passed that a row with the effect may have
    /// come, gone and been erased.
    mutating func step(_ prepared: Prepared, canTrustAbsence: Bool) -> Step {
        switch self.verdict(prepared.value, canTrustAbsence: canTrustAbsence) {
        case .unknown:
            return .finish(.refused(.error(.unknownOutcome)))
        case .applied(let outcome):
            return self.end(prepared, isSettled: prepared.isEvidence) {
                .done(Changed(outcome: outcome, state: $0))
            }
        case .notApplied:
            break
        }
        // What others chose above an attempt, without it, ends it as well as our own commit would:
        // every later proposer builds on what was chosen.
        if prepared.isChosen { self.attempts.removeAll { $0.ballot < prepared.accepted } }
        let isSettled = prepared.isEvidence && !self.hasSent
        if let refusal = self.refusal {
            return self.end(prepared, isSettled: isSettled) { _ in .refused(refusal) }
        }
        do throws(RecordError) {
            switch try self.change.apply(to: prepared.value, ballot: prepared.ballot) {
            case .write(let body, let hasGarbage, let nextAbove, let outcome):
                guard (body?.count ?? 0) <= Limit.registerValueBytes else {
                    throw .tooLong(bytes: body?.count ?? 0, limit: Limit.registerValueBytes)
                }
                let value = RegisterValue.following(
                    prepared.value,
                    operation: self.nextName,
                    body: body,
                    hasGarbage: hasGarbage
                )
                return .propose(value, nextAbove: nextAbove, outcome)
            case .keep(let outcome):
                return self.end(prepared, isSettled: isSettled) {
                    .done(Changed(outcome: outcome, state: $0))
                }
            case .retry(let above):
                return .prepare(above: max(above, prepared.ballot))
            }
        } catch {
            self.refuse(.error(.damaged(self.key)))
            guard self.hasSent else { return .finish(.refused(.error(.damaged(self.key)))) }
            return self.end(prepared, isSettled: isSettled) { _ in
                .refused(.error(.damaged(self.key)))
            }
        }
    }

    /// Ends at once if the base is settled, otherwise with its commit at this ballot.
    private func end(
        _ prepared: Prepared,
        isSettled: Bool,
        _ ending: (RegisterState) -> Ending
    ) -> Step {
        if isSettled { return .finish(ending(prepared.base)) }
        let committed = RegisterState(ballot: prepared.ballot, value: prepared.identity)
        return .settle(
            prepared.identity,
            generation: prepared.isChosen ? .max : self.generation,
            ending(committed)
        )
    }

    private enum Verdict {
        case applied(Change.Outcome)
        case notApplied
        case unknown
    }

    /// Looks for the operation's attempts in the history of a base.
    ///
    /// An attempt that is part of the history stands there at its change number, so it is among the
    /// last ``Limit/lineage`` operations unless that many changes have followed. At most one
    /// attempt is: each was made on a base known to have none of the others in it.
    private func verdict(_ value: RegisterValue?, canTrustAbsence: Bool) -> Verdict {
        let lineage = value?.lineage ?? []
        if let attempt = self.attempts.last(where: { lineage.contains($0.name) }) {
            return .applied(attempt.outcome)
        }
        let open = self.attempts.filter { !$0.isRefused }
        guard let oldest = open.map(\.changeNumber).min() else {
            // Somebody else has used the name; whose change it was cannot be told.
            return lineage.contains(self.operation) ? .unknown : .notApplied
        }
        guard canTrustAbsence else { return .unknown }
        let current = value?.changeNumber ?? 0
        return current < oldest + UInt64(Limit.lineage) ? .notApplied : .unknown
    }
}
