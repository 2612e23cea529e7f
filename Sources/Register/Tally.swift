import StoreModel

/// The smallest number of replicas that any two quorums share a member of: more than half.
func majority(of count: Int) -> Int {
    precondition(count > 0, "A register has replicas.")
    return count / 2 + 1
}

/// The answers to one prepare.
struct PrepareTally {
    let count: Int
    let majority: Int
    private(set) var promised = 0
    private(set) var refused = 0
    private(set) var newest = Ballot.zero
    private(set) var accepted = Ballot.zero
    private(set) var value: RegisterValue?
    private var holders = 0

    init(_ replies: [(replica: Int, reply: RegisterReply)], of count: Int) {
        self.count = count
        self.majority = Register.majority(of: count)
        for (_, reply) in replies { self.add(reply) }
    }

    private mutating func add(_ reply: RegisterReply) {
        switch reply {
        case .promised(let accepted, let value):
            self.promised += 1
            if self.promised == 1 || accepted > self.accepted {
                (self.accepted, self.value, self.holders) = (accepted, value, 1)
            } else if accepted == self.accepted {
                self.holders += 1
            }
        case .conflict(let newest):
            self.refused += 1
            self.newest = max(self.newest, newest)
        case .accepted, .fenced, .row, .corrupt, .erased:
            break
        }
    }

    /// More replies cannot change how the round ends.
    var isDecided: Bool {
        self.promised >= self.majority || self.refused > self.count - self.majority
    }

    func prepared(_ ballot: Ballot) -> Prepared? {
        guard self.promised >= self.majority, self.accepted < ballot else { return nil }
        return Prepared(
            ballot: ballot,
            accepted: self.accepted,
            value: self.value,
            isChosen: self.holders >= self.majority
        )
    }
}

/// The answers to one accept.
struct AcceptTally {
    let count: Int
    let majority: Int
    private(set) var accepted = 0
    private(set) var refused = 0
    private(set) var fenced = 0
    private(set) var newest = Ballot.zero
    private(set) var leastGeneration: UInt64 = 0

    init(_ replies: [(replica: Int, reply: RegisterReply)], of count: Int) {
        self.count = count
        self.majority = Register.majority(of: count)
        for (_, reply) in replies {
            switch reply {
            case .accepted:
                self.accepted += 1
            case .conflict(let newest):
                self.refused += 1
                self.newest = max(self.newest, newest)
            case .fenced(let generation):
                self.fenced += 1
                self.leastGeneration = max(self.leastGeneration, generation)
            case .promised, .row, .corrupt, .erased:
                break
            }
        }
    }

    var isDecided: Bool {
        self.accepted >= self.majority
            || self.refused + self.fenced > self.count - self.majority
    }

    /// No replica has taken the value, and none ever will: what a replica has refused it keeps
    /// refusing.
    var isRefusedByAll: Bool { self.refused + self.fenced == self.count }

    /// How the round ended.
    enum Round: Hashable {
        case accepted
        case conflict(newest: Ballot)
        case fenced(leastGeneration: UInt64)
        case silent(needed: Int, answered: Int)
    }

    var round: Round {
        if self.accepted >= self.majority { return .accepted }
        if self.fenced > self.count - self.majority {
            return .fenced(leastGeneration: self.leastGeneration)
        }
        if self.refused > 0 { return .conflict(newest: self.newest) }
        let answered = self.accepted + self.fenced
        return .silent(needed: self.majority, answered: answered)
    }
}

/// The answers to one read.
struct ReadTally {
    let majority: Int
    private(set) var rows: [(replica: Int, accepted: Ballot, value: RegisterValue?)] = []

    init(_ replies: [(replica: Int, reply: RegisterReply)], of count: Int) {
        self.majority = Register.majority(of: count)
        for (replica, reply) in replies {
            if case .row(let accepted, let value) = reply {
                self.rows.append((replica: replica, accepted: accepted, value: value))
            }
        }
    }

    /// What a majority shows alike.
    ///
    /// Having no row is an answer of its own, unlike a tombstone.
    var agreed: RegisterState? {
        for row in self.rows
        where self.rows.count(where: { $0.accepted == row.accepted }) >= self.majority {
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
