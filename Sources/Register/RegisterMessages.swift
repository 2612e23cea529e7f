package import StoreModel

/// What is asked of one replica about one register.
///
/// Source: docs/protocol/registers.md, "Messages".
package enum RegisterRequest: Hashable, Sendable {
    case prepare(Ballot)
    /// `generation` is that of the bucket an object belongs to; 0 for all other registers.
    ///
    /// `next` is a higher ballot that the replica promises along with taking the value.
    case accept(Ballot, RegisterValue, generation: UInt64, next: Ballot? = nil)
    case read
    /// Forget the row: every replica has accepted a tombstone at this ballot, and none has promised
    /// more.
    case erase(Ballot)
    /// Put this value, chosen at this ballot by a majority of the *other* replicas, in place of a
    /// damaged row.
    case repair(Ballot, RegisterValue)
}

/// What the replica says.
package enum RegisterReply: Hashable, Sendable {
    /// Answers prepare: the promise is durable.
    ///
    /// `accepted` is zero and `value` nil if the row is empty.
    case promised(accepted: Ballot, value: RegisterValue?)
    /// Answers accept: the value is durable, and so is the promise of the next ballot if one was
    /// asked for.
    case accepted
    /// Answers prepare and accept: a ballot as high or higher stands in the way.
    case conflict(newest: Ballot)
    /// Answers accept: the bucket is being deleted, or its generation has moved on.
    case fenced(generation: UInt64)
    /// Answers read.
    case row(accepted: Ballot, value: RegisterValue?)
    /// The row's bytes are damaged: it is unknown, not absent.
    ///
    /// Counts in no quorum.
    case corrupt
    /// Answers erase: there is no row, and the floor that it left is durable.
    case erased
    /// Answers accept and repair: the value names a tail that the replica does not have.
    ///
    /// Nothing has happened; the value is to be sent whole. Proposers never see it.
    case tailMissing
}

/// Whom a round asks, and how long it waits.
package struct RoundTerms: Sendable {
    /// How long to wait for more once a quorum has answered without being enough, or as long again
    /// as its answers took, whichever is longer; nil waits for all (each call has a time-out of its
    /// own).
    package var patience: Duration?
    /// Whether a quorum may be asked first, and the others only if that turns out not to be enough.
    ///
    /// That is as soon as one of those asked fails, when all have answered without being enough, or
    /// after a short silence. Otherwise all are asked at once.
    package var quorumFirst = false

    package init(patience: Duration? = nil, quorumFirst: Bool = false) {
        self.patience = patience
        self.quorumFirst = quorumFirst
    }
}

/// The replicas of registers, as the rounds of ``RegisterProposer`` see them.
package protocol RegisterReplicas: Sendable {
    /// The replicas that keep the register by the present layout.
    func group(of key: RegisterKey) throws(RegisterError) -> ReplicaGroup

    /// Asks the replicas of a group, under the group's epoch.
    ///
    /// Values are whole, in requests and replies.
    ///
    /// A replica that cannot be reached, answers ``RegisterReply/corrupt`` or acts by another
    /// layout counts as silent. Replies still on their way go on in the background.
    ///
    /// `enough` looks at the replies so far; true ends the wait. The replies come in order of
    /// arrival, each with the replica's place in the group, each place once. Silence is no error.
    func ask(
        _ request: RegisterRequest,
        about key: RegisterKey,
        of group: ReplicaGroup,
        _ terms: RoundTerms,
        enough: ([(replica: Int, reply: RegisterReply)]) -> Bool
    ) async -> [(replica: Int, reply: RegisterReply)]

    /// Sends one request to one replica. nil if it is silent.
    func ask(
        _ request: RegisterRequest,
        about key: RegisterKey,
        of group: ReplicaGroup,
        replica: Int
    ) async -> RegisterReply?

    /// A ballot that nobody has used, in a higher round than `other`.
    ///
    /// The round is seeded from the clock unless the key is a manifest's (its rounds count on from
    /// birth).
    func ballot(above other: Ballot, for key: RegisterKey) -> Ballot

    /// Waits; the time is drawn uniformly from 0 to `longest`.
    func pause(upTo longest: Duration) async

    /// Monotonic nanoseconds, for deadlines.
    var nanoseconds: UInt64 { get }

    /// Asks for the turn to settle a register for a read: one read at a time has it, and calls
    /// ``endSettling(_:)``.
    ///
    /// - Returns: false once somebody else's turn is over: then the register may be settled, and is
    ///   to be looked at again. What the other has found is no answer: it may be older than this
    ///   read.
    func beginSettling(_ key: RegisterKey) async -> Bool
    func endSettling(_ key: RegisterKey)

    /// Whether an answer without a write is given before the identity it rests on is committed: a
    /// rule broken on purpose, which only the simulation asks for.
    var skipsIdentities: Bool { get }
}

extension RegisterReplicas {
    package var skipsIdentities: Bool { false }

    /// Everybody at once, for those who read alone.
    package func beginSettling(_ key: RegisterKey) async -> Bool { true }
    package func endSettling(_ key: RegisterKey) {}
}

/// Why a register operation has no result.
package enum RegisterError: Error, Hashable, Sendable {
    /// Too few replicas answered.
    ///
    /// `mayHaveHappened` tells whether a change may yet take effect.
    case unavailable(needed: Int, answered: Int, mayHaveHappened: Bool)
    /// Too many conflicts until the deadline; certainly not applied.
    case contended
    /// The change may or may not have been applied, and nobody can tell any more.
    case unknownOutcome
    /// The bucket generation that the change carried is no longer current; certainly not applied.
    case fenced(generation: UInt64)
    /// The value is no valid record: refused, nothing written.
    case damaged(RegisterKey)
    /// No layout has been formed yet.
    case noLayout
}
