package import StoreModel

/// What one replica has promised and accepted for one register.
///
/// The only place where a promise or a value changes. The caller makes the new row durable *before*
/// it sends the reply: a reply is a promise about the disk. A register without a row behaves like
/// ``init()``; the floor of its partition stands in for the promises that an erased row had made.
///
///     promised ballot | accepted ballot | value, unless the accepted ballot is zero
///
/// Source: docs/protocol/registers.md, "Acceptor".
package struct AcceptorRow: Hashable, Sendable, BinaryRecord {
    /// No proposal below this is taken any more.
    ///
    /// Zero if nothing was promised.
    package private(set) var promised: Ballot
    /// The ballot of ``value``.
    ///
    /// Zero if nothing was accepted.
    package private(set) var accepted: Ballot
    package private(set) var value: RegisterValue?

    /// The row of a register that has none.
    package init() {
        self.promised = .zero
        self.accepted = .zero
        self.value = nil
    }

    /// Grants `ballot` if it is newer than everything seen, durable floor included.
    package mutating func prepare(_ ballot: Ballot, floor: Ballot) -> RegisterReply {
        let newest = self.newest(floor: floor)
        guard ballot > newest else { return .conflict(newest: newest) }
        self.promised = ballot
        self.checkInvariants()
        return .promised(accepted: self.accepted, value: self.value)
    }

    /// Takes `value` unless something newer was promised, accepted or erased, or the fence forbids
    /// it.
    ///
    /// Repeating an accept is harmless. Two values for one ballot break the protocol: the second is
    /// refused.
    ///
    /// `next` is promised along with it: its proposer may send its next value without asking again.
    /// Who hears `accepted` may count on both, so a repeated accept renews the promise too.
    package mutating func accept(
        _ ballot: Ballot,
        _ value: RegisterValue,
        generation: UInt64,
        next: Ballot? = nil,
        rules: AcceptorRules
    ) -> RegisterReply {
        let floor = rules.ignoresFloor && self.promised == .zero ? .zero : rules.floor
        let newest = self.newest(floor: floor)
        if ballot == self.accepted, ballot != .zero {
            guard value == self.value else { return .conflict(newest: newest) }
            self.promised = max(self.promised, next ?? ballot)
            return .accepted
        }
        guard ballot >= newest || rules.ignoresPromises, ballot > self.accepted, ballot > .zero
        else { return .conflict(newest: newest) }
        // With nothing accepted the floor itself is refused too: it may be the ballot of an erased
        // row.
        guard self.accepted != .zero || ballot > floor else {
            return .conflict(newest: newest)
        }
        guard generation >= rules.leastGeneration else {
            return .fenced(generation: rules.leastGeneration)
        }
        let kept = rules.ignoresPromises ? self.promised : .zero
        self.promised = max(kept, ballot, next ?? ballot)
        (self.accepted, self.value) = (ballot, value)
        self.checkInvariants()
        return .accepted
    }

    /// Whether an accept has to wait: the replica has joined lately, has no row, and does not know
    /// yet what must not come back.
    ///
    /// What it has promised itself was prepared at former replicas, too, and they know. Without the
    /// floor of its partition it cannot tell from all else the accept that creates a register,
    /// which nobody has prepared.
    package func mustAwaitFloor(_ ballot: Ballot) -> Bool {
        self.accepted == .zero && self.promised != ballot
    }

    /// Shows what was accepted.
    ///
    /// Promises stay as they are.
    package func read() -> RegisterReply { .row(accepted: self.accepted, value: self.value) }

    /// Forgets a tombstone that every replica has accepted at `tombstone`; the partition's floor
    /// stands in for it from then on.
    ///
    /// Refused where another value has been accepted or a higher ballot promised: that promise
    /// would be forgotten with the row. The caller makes the loss of the row and the new floor
    /// durable *together*. Repeating it is harmless.
    package mutating func erase(
        _ tombstone: Ballot,
        floor: inout Ballot,
        sabotage: AcceptorSabotage = []
    ) -> RegisterReply {
        if self.accepted == .zero, tombstone <= floor { return .erased }
        guard self.accepted == tombstone, tombstone > .zero, self.value?.isTombstone == true,
            self.promised <= tombstone || sabotage.contains(.eraseIgnoresPromise)
        else { return .conflict(newest: self.newest(floor: floor)) }
        self = AcceptorRow()
        if !sabotage.contains(.noFloor) { floor = max(floor, tombstone) }
        return .erased
    }

    /// The row that takes the place of a damaged one; nil if `ballot` is not high enough.
    ///
    /// What the damaged row had accepted is not lost: whatever was chosen is known to the others,
    /// and `value` was chosen by a majority of them alone at `ballot`. What it had promised is
    /// lost, and cannot be learned from others: a proposer may still count on a promise above all
    /// of theirs. But this replica has promised nothing in round `ceiling` or above, so a `ballot`
    /// of that round keeps every promise it has ever made.
    package static func repaired(
        at ballot: Ballot,
        _ value: RegisterValue,
        ceiling: UInt64
    ) -> AcceptorRow? {
        guard ballot.round >= ceiling, ballot > .zero else { return nil }
        var row = AcceptorRow()
        (row.promised, row.accepted, row.value) = (ballot, ballot, value)
        row.checkInvariants()
        return row
    }

    /// The same row with its value in another form.
    package func with(_ value: RegisterValue) -> AcceptorRow {
        var row = self
        row.value = value
        row.checkInvariants()
        return row
    }

    /// A row with nothing accepted is worth its place on disk only for a promise above the floor.
    package func isNeeded(floor: Ballot) -> Bool {
        self.accepted != .zero || self.promised > floor
    }

    /// The ballot that stands in the way of others.
    private func newest(floor: Ballot) -> Ballot {
        let seen = max(self.promised, self.accepted)
        return self.accepted == .zero ? max(seen, floor) : seen
    }

    package func checkInvariants() {
        precondition((self.accepted == .zero) == (self.value == nil), "A value has a ballot.")
        precondition(self.promised >= self.accepted, "Accepting a ballot promises it.")
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.promised = try Ballot(from: &reader)
        self.accepted = try Ballot(from: &reader)
        guard self.promised >= self.accepted else { throw .invalid("accepted above promised") }
        self.value = self.accepted == .zero ? nil : try RegisterValue(from: &reader)
    }

    package func encode(into writer: inout ByteWriter) {
        self.promised.encode(into: &writer)
        self.accepted.encode(into: &writer)
        self.value?.encode(into: &writer)
    }
}

/// What a node's state says about accepts on one register.
package struct AcceptorRules: Hashable, Sendable {
    /// Registers without a row behave as if they had promised this.
    package var floor: Ballot
    /// The fence of the object's bucket; 0 where there is none.
    package var leastGeneration: UInt64
    /// Breaks a rule on purpose: promises do not stand in the way.
    package var ignoresPromises = false
    /// Breaks a rule on purpose: a row that is not there has promised nothing.
    package var ignoresFloor = false

    package init(floor: Ballot = .zero, leastGeneration: UInt64 = 0) {
        self.floor = floor
        self.leastGeneration = leastGeneration
    }
}

/// Rules of replicas that the simulation breaks to see whether its checkers notice.
package struct AcceptorSabotage: OptionSet, Hashable, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    /// Erasing a row leaves no floor.
    package static let noFloor = AcceptorSabotage(rawValue: 1 << 0)
    /// A row is erased although a higher ballot was promised.
    package static let eraseIgnoresPromise = AcceptorSabotage(rawValue: 1 << 1)
    /// A manifest may be created below the floor of its partition.
    package static let creationIgnoresFloor = AcceptorSabotage(rawValue: 1 << 2)
    /// A damaged row is taken for one that is not there.
    package static let corruptIsAbsent = AcceptorSabotage(rawValue: 1 << 16)
    /// A damaged row is repaired at a ballot below promises that it may have made.
    package static let repairBelowCeiling = AcceptorSabotage(rawValue: 1 << 17)
    /// Register requests of an older layout are carried out.
    package static let noFence = AcceptorSabotage(rawValue: 1 << 8)
    /// A row that is handed over is taken although a higher ballot was promised.
    package static let installIgnoresPromise = AcceptorSabotage(rawValue: 1 << 9)
    /// A tail that is damaged or missing is taken for an empty one.
    package static let missingTailIsEmpty = AcceptorSabotage(rawValue: 1 << 19)
    /// Rows are erased while replicas are being changed.
    package static let eraseAnyConfig = AcceptorSabotage(rawValue: 1 << 10)
    /// A node whose start has a higher number than the newest one seen counts as further on.
    package static let startsByNumber = AcceptorSabotage(rawValue: 1 << 18)
}
