package import StoreModel

/// A change of one register, as data: what a value becomes.
///
/// It is evaluated again for each ballot on which it is proposed, on the value found there, and
/// must give the same decision for the same arguments. One operation id belongs to one change.
package protocol RegisterChange: Sendable {
    associatedtype Outcome: Sendable

    /// Decides what becomes of `value` at `ballot`.
    ///
    /// `value` is nil where the register has no row; a tombstone (``RegisterValue/body`` nil) means
    /// the same to clients. An error says that the record cannot be read: nothing is written then.
    func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome>
}

/// What a change wants done with the value it was shown.
package enum ChangeDecision<Outcome: Sendable>: Sendable {
    /// Replace the record; a nil body makes a tombstone.
    ///
    /// History and ballot are the proposer's business. A change that follows will want a ballot
    /// above `nextAbove`, a ceiling in the record say: what is promised ahead for it lies there.
    case write(body: [UInt8]?, hasGarbage: Bool, nextAbove: Ballot = .zero, Outcome)
    /// Leave it: nothing to do, or a condition is false.
    case keep(Outcome)
    /// Not at this ballot: it must be above another one, such as a ceiling of what the change
    /// drops.
    case retry(above: Ballot)
}

/// A change that is settled: made, or found not to be needed.
package struct Changed<Outcome: Sendable>: Sendable {
    package let outcome: Outcome
    /// What is known to be chosen, the effect of the change included.
    ///
    /// Other changes may have followed already.
    package let state: RegisterState
    /// The name in the lineage of the change's own proposal, if that is what ``state`` came by.
    package let name: OperationID?
    /// A ballot that a majority has promised for the next change, if one was asked for.
    package let next: Prepared?

    package init(
        outcome: Outcome,
        state: RegisterState,
        name: OperationID? = nil,
        next: Prepared? = nil
    ) {
        self.outcome = outcome
        self.state = state
        self.name = name
        self.next = next
    }
}

extension Changed: Equatable where Outcome: Equatable {}

/// A chosen pair of ballot and value: evidence.
package struct RegisterState: Hashable, Sendable {
    /// Zero if the register has no row.
    package let ballot: Ballot
    /// Nil if the register has no row; a value without a body is a tombstone.
    package let value: RegisterValue?

    package init(ballot: Ballot, value: RegisterValue?) {
        precondition((ballot == .zero) == (value == nil), "A value has a ballot.")
        self.ballot = ballot
        self.value = value
    }

    /// The record's bytes; nil if there is none, be it for want of a row or by a tombstone.
    package var body: [UInt8]? { self.value?.body }
}

/// A ballot that a majority has promised, and what it showed.
///
/// A ballot stands for one value: use it for one change at most.
package struct Prepared: Hashable, Sendable {
    package let ballot: Ballot
    /// The highest ballot accepted among the replies; zero if there is no row.
    package let accepted: Ballot
    /// The value of ``accepted``: the base of the change.
    package let value: RegisterValue?
    /// A majority showed this very ballot (or that there is no row): the base is chosen already.
    package let isChosen: Bool
    /// The promise was heard within the operation that uses it.
    ///
    /// One kept from an earlier operation may have been outbid since. A value accepted at its
    /// ballot shows that it was not; an answer without a write cannot rest on it.
    package let isFresh: Bool
    /// Who has promised: the ballot is good for an accept at this group only.
    package let group: ReplicaGroup

    package init(
        ballot: Ballot,
        accepted: Ballot,
        value: RegisterValue?,
        isChosen: Bool,
        isFresh: Bool = true,
        group: ReplicaGroup
    ) {
        precondition(ballot > accepted, "A promise is for the future.")
        precondition((accepted == .zero) == (value == nil), "A value has a ballot.")
        self.ballot = ballot
        self.accepted = accepted
        self.value = value
        self.isChosen = isChosen
        self.isFresh = isFresh
        self.group = group
    }

    /// The same for an operation that may have begun after the promise was heard.
    package var asKept: Prepared {
        Prepared(
            ballot: self.ballot,
            accepted: self.accepted,
            value: self.value,
            isChosen: self.isChosen,
            isFresh: false,
            group: self.group
        )
    }

    /// The base was chosen while the operation was under way: an answer may rest on it.
    package var isEvidence: Bool { self.isChosen && self.isFresh }
    /// What stands if the change does nothing.
    var base: RegisterState { RegisterState(ballot: self.accepted, value: self.value) }
    /// What an identity change writes: the base, or a tombstone without history where there is no
    /// row.
    package var identity: RegisterValue { self.value ?? .void }
}

/// How an un-prepared creation ended.
package enum CreateOutcome: Hashable, Sendable {
    case created
    /// No majority can take it any more, and no replica said it did.
    case refused
    /// Fewer than a majority are known to have taken it.
    ///
    /// Reading the register tells, finishing what it finds.
    case unknown
}

extension RegisterValue {
    /// A tombstone where there was nothing.
    static let void = RegisterValue(changeNumber: 0, lineage: [], body: nil, hasGarbage: false)

    /// The value after one more change.
    static func following(
        _ base: RegisterValue?,
        operation: OperationID,
        body: [UInt8]?,
        hasGarbage: Bool
    ) -> RegisterValue {
        RegisterValue(
            changeNumber: (base?.changeNumber ?? 0) + 1,
            lineage: ((base?.lineage ?? []) + [operation]).suffix(Limit.lineage),
            body: body,
            hasGarbage: hasGarbage
        )
    }

    /// The value before which nobody has changed the register: for creations that need no prepare.
    package static func first(body: [UInt8], operation: OperationID) -> RegisterValue {
        .following(nil, operation: operation, body: body, hasGarbage: false)
    }
}
