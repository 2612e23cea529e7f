import Register
import StoreModel
import TestSupport

/// Several clients work on one register while things go wrong; then all is quiet.
///
/// The end is read and compared with what the clients saw.
final class Scenario: @unchecked Sendable {
    // Unchecked: all access happens on the one thread of the executor.
    let world: World
    let operationsEach: Int
    /// Whether some operations are three changes in one proposal.
    let combines: Bool
    private(set) var history = History()
    private var unfinished: Int
    private var proposers: [Proposer] = []
    private var incarnations: [UInt32]

    init(
        seed: UInt64,
        faults: Faults? = nil,
        sabotage: Sabotage = .none,
        clients: Int = 4,
        operationsEach: Int = 6,
        combines: Bool = false
    ) {
        self.world = World(seed: seed, sabotage: sabotage)
        self.world.faults = faults ?? Faults.some(&self.world.executor.random)
        self.operationsEach = operationsEach
        self.combines = combines
        self.unfinished = clients
        self.incarnations = Array(repeating: 0, count: clients)
    }

    /// Runs to the end and says what was wrong.
    func run() throws -> [String] {
        for client in self.incarnations.indices {
            self.start(client, operations: self.operationsEach)
        }
        self.scheduleTrouble()
        self.world.executor.run { self.unfinished == 0 }
        guard self.unfinished == 0 else { throw Stuck() }
        self.world.faults = .none
        for replica in self.world.isUp.indices { self.world.isUp[replica] = true }
        let state = try Proposer(self.world, node: 99).perform {
            try await $0.read(testKey, generation: 0)
        }
        return self.history.violations(final: try Append.list(in: state.body))
    }

    private func start(_ client: Int, operations: Int) {
        self.incarnations[client] += 1
        let proposer = Proposer(
            self.world,
            node: UInt16(client),
            incarnation: self.incarnations[client],
            round: 0
        )
        self.proposers.removeAll { $0.node == proposer.node }
        self.proposers.append(proposer)
        self.world.executor.start {
            for left in stride(from: operations, to: 0, by: -1) {
                self.scheduleCrash(of: proposer, left: left - 1)
                await self.operation(proposer)
            }
            self.unfinished -= 1
        }
    }

    /// Now and then a proposer stops in the middle of what it is doing; the client starts it again.
    private func scheduleCrash(of proposer: Proposer, left: Int) {
        guard self.world.executor.random.chance(5 * self.world.faults.crashes) else { return }
        let number = self.history.operations.count
        let delay = Duration.microseconds(self.world.executor.random.next() % 12_000)
        self.world.executor.schedule(after: delay) {
            let isSame = self.history.operations.indices.contains(number)
            guard isSame, self.history.operations[number].end == .max else { return }
            proposer.hasStopped = true
            self.start(Int(proposer.node), operations: left)
        }
    }

    private func scheduleTrouble() {
        guard self.world.faults.restarts > 0, self.unfinished > 0 else { return }
        let pause = 2_000_000 / UInt64(self.world.faults.restarts)
        let delay = Duration.microseconds(self.world.executor.random.next() % pause)
        self.world.executor.schedule(after: delay) {
            let replica = Int.random(in: 0..<self.world.count, using: &self.world.executor.random)
            let isLong = self.world.executor.random.chance(20)
            let longest: UInt64 = isLong ? 60_000 : 2_000
            let time = Duration.microseconds(self.world.executor.random.next() % longest)
            self.world.restart(replica, after: time)
            self.scheduleTrouble()
        }
    }

    /// Three changes in one proposal; now and then one is taken out on the way.
    private func combined(_ proposer: Proposer) async {
        let first = self.history.operations.count
        let start = self.world.executor.steps
        let items = (0..<3).map { UInt64(first + $0 + 1) << 32 }
        for item in items {
            self.history.operations.append(History.Operation(item: item, start: start))
        }
        let changes = items.map { Append(item: $0, onlyToEven: $0 == items[1]) }
        let end = await proposer.registers.change(
            testKey,
            operation: OperationID(items[0]),
            generation: 0,
            CombinedTerms(
                prepared: self.takeKept(proposer),
                deadline: .seconds(10),
                streak: proposer.streak,
                lostMax: self.world.executor.random.chance(30) ? 3 : nil
            ),
            CombinedChange(changes)
        ) { _, outcome in
            guard self.world.executor.random.chance(10) else { return [] }
            let index = Int.random(in: 0..<3, using: &self.world.executor.random)
            return outcome[index] == nil ? [] : [index]
        }
        let now = self.world.executor.steps
        for index in items.indices {
            self.history.operations[first + index].result = Self.result(end, index)
            self.history.operations[first + index].end = now
        }
        if case .success(let changed?) = end.result {
            (proposer.streak, proposer.kept) = (changed.name, changed.next)
        }
        await proposer.sleep(.microseconds(self.world.executor.random.next() % 5_000))
    }

    private static func result(_ end: CombinedEnd, _ index: Int) -> History.Result {
        switch end.result {
        case .success(let changed?):
            switch changed.outcome[index] {
            case .wrote(let outcome)?, .kept(let outcome)?: Self.result(outcome)
            default: .failed
            }
        case .success(nil): .failed
        case .failure(.unavailable(_, _, mayHaveHappened: true)), .failure(.unknownOutcome):
            .unknown
        case .failure: .failed
        }
    }

    private static func result(_ outcome: any Sendable) -> History.Result {
        switch outcome as? Append.Outcome {
        case .appended(let list)?: .appended(list)
        case .left(let list)?: .saw(list)
        case nil: .failed
        }
    }

    private func operation(_ proposer: Proposer) async {
        if self.combines, self.world.executor.random.chance(40) {
            return await self.combined(proposer)
        }
        let number = self.history.operations.count
        let item = UInt64(number + 1) << 32
        self.history.operations.append(
            History.Operation(item: item, start: self.world.executor.steps)
        )
        let kind = self.world.executor.random.next() % 8
        let result = await self.perform(kind, item, proposer)
        self.history.operations[number].result = result
        self.history.operations[number].end = self.world.executor.steps
        await proposer.sleep(.microseconds(self.world.executor.random.next() % 5_000))
    }

    private func perform(
        _ kind: UInt64,
        _ item: UInt64,
        _ proposer: Proposer
    ) async -> History.Result {
        let registers = proposer.registers
        do throws(RegisterError) {
            switch kind {
            case 0, 1:
                let state = try await registers.read(testKey, generation: 0)
                return .saw(try Self.list(state))
            case 2:
                let state = try await registers.identity(testKey, generation: 0)
                return .saw(try Self.list(state))
            default:
                let kept = self.takeKept(proposer)
                let changed = try await registers.change(
                    testKey,
                    operation: OperationID(item),
                    generation: 0,
                    from: kind == 3 ? try await registers.prepare(testKey) : kept,
                    streak: proposer.streak,
                    Append(item: item, onlyToEven: kind == 4)
                )
                (proposer.streak, proposer.kept) = (changed.name, changed.next)
                switch changed.outcome {
                case .appended(let list): return .appended(list)
                case .left(let list): return .saw(list)
                }
            }
        } catch {
            switch error {
            case .unavailable(_, _, mayHaveHappened: true), .unknownOutcome: return .unknown
            default: return .failed
            }
        }
    }

    /// The promise that came with the proposer's last change; it is used once.
    private func takeKept(_ proposer: Proposer) -> Prepared? {
        guard let kept = proposer.kept else { return nil }
        proposer.kept = nil
        guard self.world.sabotage == .staleAnswers else { return kept }
        return Prepared(
            ballot: kept.ballot,
            accepted: kept.accepted,
            value: kept.value,
            isChosen: kept.isChosen,
            group: kept.group
        )
    }

    private static func list(_ state: RegisterState) throws(RegisterError) -> [UInt64] {
        do throws(RecordError) {
            return try Append.list(in: state.body)
        } catch { throw .damaged(testKey) }
    }
}
