import Register
import Runtime
import StoreModel

/// One request on its way to some replicas of a register, and their answers.
struct ReplicaRound {
    private enum Event: Sendable {
        case reply(Int, RegisterReply?)
        case silenceEnded
        case patienceEnded
    }

    private let group: ReplicaGroup
    private let doors: Doors
    private let readOrder: ReadOrder
    private let send: @Sendable (Int) async -> RegisterReply?
    private let events: AsyncStream<Event>
    private let inbox: AsyncStream<Event>.Continuation
    /// Places that are asked as soon as those before them turn out not to be enough.
    var waiting: ArraySlice<Int> = []
    /// Places that have been asked and have not answered.
    private var pending: [Int] = []
    /// In monotonic nanoseconds.
    private let begin: UInt64
    /// By how much others were asked later than those who answered differently.
    private var headStart = Duration.zero

    /// Asks nobody yet.
    ///
    /// `send` asks one place; nil is silence.
    init(
        group: ReplicaGroup,
        doors: Doors,
        readOrder: ReadOrder,
        send: @escaping @Sendable (Int) async -> RegisterReply?
    ) {
        self.group = group
        self.doors = doors
        self.readOrder = readOrder
        self.send = send
        self.begin = doors.time.nanoseconds
        (self.events, self.inbox) = AsyncStream.makeStream()
    }

    mutating func ask(_ replica: Int) {
        self.pending.append(replica)
        let (send, inbox) = (self.send, self.inbox)
        self.doors.background.run { inbox.yield(.reply(replica, await send(replica))) }
    }

    /// To be called when those who were asked first have been silent for so long that the others
    /// are asked, too.
    var silenceEnds: @Sendable () -> Void {
        let inbox = self.inbox
        return { inbox.yield(.silenceEnded) }
    }

    /// Waits for answers as ``RegisterReplicas`` says.
    mutating func gather(
        _ patience: Duration?,
        _ enough: ([(replica: Int, reply: RegisterReply)]) -> Bool
    ) async -> [(replica: Int, reply: RegisterReply)] {
        var replies: [(replica: Int, reply: RegisterReply)] = []
        replies.reserveCapacity(self.group.count)
        var isWaiting = false
        for await event in self.events {
            switch event {
            case .patienceEnded: return replies
            case .silenceEnded: self.askOthers(afterSilence: true)
            case .reply(let replica, let reply):
                self.pending.removeAll { $0 == replica }
                if let reply {
                    replies.append((replica, reply))
                    if enough(replies) { return replies }
                } else {
                    self.failed(replica)
                }
            }
            if self.pending.isEmpty { self.askForMore() }
            if self.pending.isEmpty { return replies }
            if let patience, !isWaiting, self.group.quorum.isMet(by: replies.map(\.replica)) {
                isWaiting = true
                let taken = Duration.nanoseconds(Int64(self.doors.time.nanoseconds - self.begin))
                self.wait(max(patience + self.headStart, taken))
            }
        }
        return replies
    }

    /// Who cannot be asked is replaced at once.
    private mutating func failed(_ replica: Int) {
        guard !self.waiting.isEmpty else { return }
        self.readOrder.wasSlow(self.group.members[replica])
        self.askOthers(afterSilence: false)
    }

    /// All have answered, and it is not enough.
    private mutating func askForMore() {
        guard !self.waiting.isEmpty else { return }
        self.headStart = .nanoseconds(Int64(self.doors.time.nanoseconds - self.begin))
        self.askOthers(afterSilence: false)
    }

    private mutating func askOthers(afterSilence: Bool) {
        guard !self.waiting.isEmpty else { return }
        if afterSilence {
            for replica in self.pending { self.readOrder.wasSlow(self.group.members[replica]) }
        }
        let others = self.waiting
        self.waiting = []
        for replica in others { self.ask(replica) }
    }

    private func wait(_ patience: Duration) {
        let (time, inbox) = (self.doors.time, self.inbox)
        self.doors.background.run {
            await time.sleep(for: patience)
            inbox.yield(.patienceEnded)
        }
    }
}
