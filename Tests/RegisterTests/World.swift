import Register
import StoreModel
import TestSupport

/// What may go wrong with messages, replicas and proposers.
struct Faults: Sendable {
    /// Of 100 messages, requests and replies alike.
    var lost = 0
    var doubled = 0
    /// Messages that take up to a second.
    var late = 0
    /// Restarts of replicas in one second of virtual time.
    var restarts = 0
    /// Of 20 calls, those in the middle of which the proposer stops for good.
    var crashes = 0
    /// Each message takes 100 ms, as between continents.
    var isFar = false

    static let none = Faults()

    /// Another mixture for every seed.
    static func some(_ random: inout SplitMix64) -> Faults {
        Faults(
            lost: [0, 5, 20].randomElement(using: &random) ?? 0,
            doubled: [0, 10, 30].randomElement(using: &random) ?? 0,
            late: [0, 5, 20].randomElement(using: &random) ?? 0,
            restarts: [0, 10, 200].randomElement(using: &random) ?? 0,
            crashes: [0, 2, 6].randomElement(using: &random) ?? 0
        )
    }
}

/// A rule broken on purpose, to see whether the checks notice.
enum Sabotage: CaseIterable, Sendable {
    case none
    /// One answer passes for a majority.
    case quorumOfOne
    /// A replica that restarts has lost its promises.
    case forgottenPromises
    /// A replica takes any accept, whatever it has promised.
    case brokenPromises
    /// Values come without lineage: an operation does not find itself.
    case noLineage
    /// A proposer answers from a promise that it has kept from an earlier change.
    case staleAnswers
}

/// Replicas in memory, and the network between them and proposers.
final class World: @unchecked Sendable {
    // Unchecked: all access happens on the one thread of the executor.
    let executor: SeededExecutor
    let count: Int
    let sabotage: Sabotage
    var faults: Faults
    /// The rows of each replica.
    private(set) var rows: [[RegisterKey: AcceptorRow]]
    /// What a forgetful replica has left after a restart.
    private var rowsWithoutPromises: [[RegisterKey: AcceptorRow]]
    var isUp: [Bool]
    /// Messages of another epoch are not answered.
    var epoch: UInt64 = 1
    var quorum: Quorum
    /// Replicas whose rows are damaged.
    var isDamaged: [Bool]
    var rules = AcceptorRules()
    /// What erased rows have left on each replica.
    private(set) var floors: [Ballot]
    var acceptorSabotage: AcceptorSabotage = []
    /// Calls to all replicas, to one replica, and messages to replicas in all.
    private(set) var rounds = 0
    private(set) var singles = 0
    private(set) var messages = 0
    /// The longest wait asked for, for each pause.
    private(set) var pauses: [Duration] = []
    /// Requests as they leave, one for each round.
    private(set) var requests: [RegisterRequest] = []

    var timeout: Duration { .milliseconds(self.faults.isFar ? 1_000 : 50) }

    init(
        seed: UInt64,
        count: Int = 3,
        faults: Faults = .none,
        sabotage: Sabotage = .none
    ) {
        self.executor = SeededExecutor(seed: seed)
        self.count = count
        self.quorum = Quorum(majorityOf: count)
        self.faults = faults
        self.sabotage = sabotage
        self.rows = Array(repeating: [:], count: count)
        self.rowsWithoutPromises = self.rows
        self.floors = Array(repeating: .zero, count: count)
        self.isUp = Array(repeating: true, count: count)
        self.isDamaged = Array(repeating: false, count: count)
    }

    /// Lets replicas carry a request out, without a network.
    @discardableResult
    func put(
        _ request: RegisterRequest,
        about key: RegisterKey,
        at replicas: Int...
    ) -> [RegisterReply] {
        replicas.map { self.answer(request, key, $0) }
    }

    func forget(_ key: RegisterKey, at replica: Int) { self.rows[replica][key] = nil }

    func note(_ request: RegisterRequest) {
        self.rounds += 1
        self.requests.append(request)
    }

    func noteSingle() { self.singles += 1 }
    func notePause(_ longest: Duration) { self.pauses.append(longest) }

    /// Sends a request on its way; `reply` is called when an answer arrives, which may be twice.
    func send(
        _ request: RegisterRequest,
        about key: RegisterKey,
        to replica: Int,
        under epoch: UInt64,
        _ reply: @escaping (RegisterReply?) -> Void
    ) {
        self.messages += 1
        for _ in 0..<(self.executor.random.chance(self.faults.doubled) ? 2 : 1)
        where !self.executor.random.chance(self.faults.lost) {
            self.executor.schedule(after: self.delay()) {
                guard self.isUp[replica], self.epoch == epoch else { return }
                let answer = self.answer(request, key, replica)
                guard !self.executor.random.chance(self.faults.lost) else { return }
                self.executor.schedule(after: self.delay()) {
                    reply(answer == .corrupt ? nil : answer)
                }
            }
        }
    }

    private func delay() -> Duration {
        if self.faults.isFar { return .milliseconds(100) }
        let random = self.executor.random.next()
        let isLate = self.executor.random.chance(self.faults.late)
        return isLate ? .microseconds(random % 1_000_000) : .microseconds(500 + random % 2_000)
    }

    private func answer(
        _ request: RegisterRequest,
        _ key: RegisterKey,
        _ replica: Int
    ) -> RegisterReply {
        if self.isDamaged[replica] { return .corrupt }
        var row = self.rows[replica][key] ?? AcceptorRow()
        var rules = self.rules
        rules.floor = max(rules.floor, self.floors[replica])
        defer { self.rows[replica][key] = row.isNeeded(floor: rules.floor) ? row : nil }
        switch request {
        case .erase(let tombstone):
            return row.erase(
                tombstone,
                floor: &self.floors[replica],
                sabotage: self.acceptorSabotage
            )
        case .repair(let ballot, let value):
            return row.accept(ballot, value, generation: .max, rules: rules)
        case .prepare(let ballot): return row.prepare(ballot, floor: rules.floor)
        case .read: return row.read()
        case .accept(let ballot, var value, let generation, let next):
            if self.sabotage == .brokenPromises { row = AcceptorRow() }
            if self.sabotage == .noLineage { value.lineage = [] }
            let reply = row.accept(
                ballot,
                value,
                generation: generation,
                next: next,
                rules: rules
            )
            if reply == .accepted { self.rowsWithoutPromises[replica][key] = row }
            return reply
        }
    }

    /// Stops a replica; it comes back with what it has on disk.
    func restart(_ replica: Int, after pause: Duration) {
        self.isUp[replica] = false
        self.executor.schedule(after: pause) {
            self.isUp[replica] = true
            if self.sabotage == .forgottenPromises {
                self.rows[replica] = self.rowsWithoutPromises[replica]
            }
        }
    }
}

/// One proposer's run: what it calls when it asks replicas.
final class Proposer: RegisterReplicas, @unchecked Sendable {
    // Unchecked: all access happens on the one thread of the executor.
    let world: World
    let node: UInt16
    let incarnation: UInt32
    /// A proposer that has stopped neither asks nor hears anything any more.
    var hasStopped = false
    /// The name of its last change, and what was promised along with it.
    var streak: OperationID?
    var kept: Prepared?
    private var sequence: UInt16 = 0
    private var round: UInt64

    /// `round` stands for the clock: the first ballot is above it.
    init(_ world: World, node: UInt16 = 1, incarnation: UInt32 = 1, round: UInt64 = 50) {
        self.world = world
        self.node = node
        self.incarnation = incarnation
        self.round = round
    }

    var registers: RegisterProposer<Proposer> { RegisterProposer(replicas: self) }

    func group(of key: RegisterKey) -> ReplicaGroup {
        self.world.sabotage == .quorumOfOne
            ? .test(.anyOne(of: self.world.count)) : .test(self.world.quorum, self.world.epoch)
    }

    private enum Event: Sendable {
        case reply(Int, RegisterReply?)
        case timedOut
        case patienceEnded
    }

    func ask(
        _ request: RegisterRequest,
        about key: RegisterKey,
        of group: ReplicaGroup,
        _ terms: RoundTerms,
        enough: ([(replica: Int, reply: RegisterReply)]) -> Bool
    ) async -> [(replica: Int, reply: RegisterReply)] {
        let world = self.world
        world.note(request)
        let (events, inbox) = AsyncStream.makeStream(of: Event.self)
        for replica in 0..<world.count {
            world.send(request, about: key, to: replica, under: group.epoch) {
                inbox.yield(.reply(replica, $0))
            }
        }
        world.executor.schedule(after: world.timeout) { inbox.yield(.timedOut) }
        var replies: [(replica: Int, reply: RegisterReply)] = []
        var heard: Set<Int> = []
        var isWaiting = false
        for await event in events {
            await self.suspendIfStopped()
            switch event {
            case .timedOut, .patienceEnded: return replies
            case .reply(let replica, let reply):
                guard heard.insert(replica).inserted else { continue }
                if let reply { replies.append((replica, reply)) }
            }
            if heard.count == world.count || enough(replies) { break }
            if let patience = terms.patience, !isWaiting,
                group.quorum.isMet(by: replies.map(\.replica))
            {
                isWaiting = true
                world.executor.schedule(after: patience) { inbox.yield(.patienceEnded) }
            }
        }
        return replies
    }

    func ask(
        _ request: RegisterRequest,
        about key: RegisterKey,
        of group: ReplicaGroup,
        replica: Int
    ) async -> RegisterReply? {
        self.world.noteSingle()
        let (events, inbox) = AsyncStream.makeStream(of: RegisterReply?.self)
        self.world.send(request, about: key, to: replica, under: group.epoch) { inbox.yield($0) }
        self.world.executor.schedule(after: self.world.timeout) { inbox.yield(nil) }
        for await event in events {
            await self.suspendIfStopped()
            return event
        }
        return nil
    }

    func ballot(above other: Ballot, for key: RegisterKey) -> Ballot {
        self.sequence += 1
        self.round = max(self.round, other.round) + 1
        return Ballot(
            round: self.round,
            node: self.node,
            incarnation: self.incarnation,
            sequence: self.sequence
        )
    }

    func pause(upTo longest: Duration) async {
        self.world.notePause(longest)
        let share = Int(self.world.executor.random.next() % 1_001)
        await self.sleep(longest * share / 1_000)
    }

    func sleep(_ time: Duration) async {
        let (events, inbox) = AsyncStream.makeStream(of: Void.self)
        self.world.executor.schedule(after: time) { inbox.yield(()) }
        for await _ in events { break }
        await self.suspendIfStopped()
    }

    private func suspendIfStopped() async {
        // Never resumed: the process that would have gone on is gone.
        guard self.hasStopped else { return }
        await unsafe withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
    }

    var nanoseconds: UInt64 { self.world.executor.nanoseconds }
}

/// Nothing can happen any more, and the call has not returned.
struct Stuck: Error {}

extension Proposer {
    private final class Box<Value>: @unchecked Sendable {
        // Unchecked: see the executor.
        var value: Result<Value, any Error>?
    }

    /// Runs one call to its end.
    func perform<Value: Sendable>(
        _ work: @escaping @Sendable (RegisterProposer<Proposer>) async throws -> Value
    ) throws -> Value {
        let box = Box<Value>()
        self.world.executor.start {
            do {
                box.value = .success(try await work(self.registers))
            } catch { box.value = .failure(error) }
        }
        self.world.executor.run { box.value != nil }
        guard let result = box.value else { throw Stuck() }
        return try result.get()
    }
}

extension ReplicaGroup {
    /// Replicas of a test: members numbered by place.
    static func test(_ quorum: Quorum, _ epoch: UInt64 = 1, isJoint: Bool = false) -> ReplicaGroup {
        ReplicaGroup(
            epoch: epoch,
            members: (0..<quorum.count).map { NodeID(high: 0, low: UInt64($0)) },
            quorum: quorum,
            isJoint: isJoint
        )
    }

    /// A majority of so many.
    static func of(_ count: Int) -> ReplicaGroup { .test(Quorum(majorityOf: count)) }
}
