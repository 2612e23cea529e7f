import StoreModel

/// The answers to one prepare.
struct PrepareTally {
    let group: ReplicaGroup
    /// Places that have promised.
    private(set) var promised: [Int] = []
    private(set) var refused: [Int] = []
    private(set) var newest = Ballot.zero
    private(set) var accepted = Ballot.zero
    private(set) var value: RegisterValue?
    /// Places that show ``accepted``.
    private var holders: [Int] = []

    init(_ replies: [(replica: Int, reply: RegisterReply)], of group: ReplicaGroup) {
        self.group = group
        for (replica, reply) in replies { self.add(reply, of: replica) }
    }

    private mutating func add(_ reply: RegisterReply, of replica: Int) {
        switch reply {
        case .promised(let accepted, let value):
            self.promised.append(replica)
            if self.promised.count == 1 || accepted > self.accepted {
                (self.accepted, self.value, self.holders) = (accepted, value, [replica])
            } else if accepted == self.accepted {
                self.holders.append(replica)
            }
        case .conflict(let newest):
            self.refused.append(replica)
            self.newest = max(self.newest, newest)
        case .accepted, .fenced, .row, .corrupt, .erased, .tailMissing:
            break
        }
    }

    private var isPromised: Bool { self.group.quorum.isMet(by: self.promised) }

    /// More replies cannot change how the round ends.
    var isDecided: Bool {
        self.isPromised || !self.group.quorum.canBeMet(without: self.refused)
    }

    func prepared(_ ballot: Ballot) -> Prepared? {
        guard self.isPromised, self.accepted < ballot else { return nil }
        return Prepared(
            ballot: ballot,
            accepted: self.accepted,
            value: self.value,
            isChosen: self.group.quorum.isMet(by: self.holders),
            group: self.group
        )
    }
}

/// The answers to one accept.
struct AcceptTally {
    let group: ReplicaGroup
    /// Places that have taken the value.
    private(set) var accepted: [Int] = []
    private(set) var refused: [Int] = []
    private(set) var fenced: [Int] = []
    private(set) var newest = Ballot.zero
    private(set) var leastGeneration: UInt64 = 0

    init(_ replies: [(replica: Int, reply: RegisterReply)], of group: ReplicaGroup) {
        self.group = group
        for (replica, reply) in replies {
            switch reply {
            case .accepted:
                self.accepted.append(replica)
            case .conflict(let newest):
                self.refused.append(replica)
                self.newest = max(self.newest, newest)
            case .fenced(let generation):
                self.fenced.append(replica)
                self.leastGeneration = max(self.leastGeneration, generation)
            case .promised, .row, .corrupt, .erased, .tailMissing:
                break
            }
        }
    }

    var isChosen: Bool { self.group.quorum.isMet(by: self.accepted) }

    var isDecided: Bool {
        self.isChosen || !self.group.quorum.canBeMet(without: self.refused + self.fenced)
    }

    /// No replica has taken the value, and none ever will: what a replica has refused it keeps
    /// refusing.
    var isRefusedByAll: Bool { self.refused.count + self.fenced.count == self.group.count }

    /// How the round ended.
    enum Round: Hashable {
        case accepted
        case conflict(newest: Ballot)
        case fenced(leastGeneration: UInt64)
        case silent(needed: Int, answered: Int)
    }

    var round: Round {
        if self.isChosen { return .accepted }
        if !self.group.quorum.canBeMet(without: self.fenced) {
            return .fenced(leastGeneration: self.leastGeneration)
        }
        if !self.refused.isEmpty { return .conflict(newest: self.newest) }
        let answered = self.accepted.count + self.fenced.count
        return .silent(needed: self.group.quorum.least, answered: answered)
    }
}

/// The answers to one read.
struct ReadTally {
    let group: ReplicaGroup
    private(set) var rows: [(replica: Int, accepted: Ballot, value: RegisterValue?)] = []

    init(_ replies: [(replica: Int, reply: RegisterReply)], of group: ReplicaGroup) {
        self.group = group
        for (replica, reply) in replies {
            if case .row(let accepted, let value) = reply {
                self.rows.append((replica: replica, accepted: accepted, value: value))
            }
        }
    }

    /// Enough have answered, alike or not.
    var isQuorum: Bool { self.group.quorum.isMet(by: self.rows.map(\.replica)) }

    /// Places that show this ballot.
    func holders(of ballot: Ballot) -> [Int] {
        self.rows.filter { $0.accepted == ballot }.map(\.replica)
    }

    /// What a majority shows alike.
    ///
    /// Having no row is an answer of its own, unlike a tombstone.
    var agreed: RegisterState? {
        for row in self.rows
        where self.group.quorum.isMet(by: self.holders(of: row.accepted)) {
            return RegisterState(ballot: row.accepted, value: row.value)
        }
        return nil
    }

    var newest: RegisterState? {
        self.rows.max { $0.accepted < $1.accepted }.map {
            RegisterState(ballot: $0.accepted, value: $0.value)
        }
    }
}
