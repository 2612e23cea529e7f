import Register
import Runtime
import StoreModel

/// How a change of a register is to be made.
struct WriteTerms: Sendable {
    /// The bucket generation that it carries; 0 for registers that have none.
    var generation: UInt64 = 0
    /// A ballot promised ahead.
    var promised: PromisedBallot?
    var hold: ChangeHold?
    /// Whether the change may end with ``Yielded``.
    var mayYield = false
    /// How long it may wait and be tried; nil stands for the settings' `changeDeadline`.
    var deadline: Duration?
}

/// Others were in the way of a change; it has had no effect and will have none.
struct Yielded: Error {}

/// Changes registers for this coordinator: one proposal at a time for each register, with all
/// changes in it that have come meanwhile, and with as few rounds as it can.
struct RegisterWriter: Sendable {
    let proposer: RegisterProposer<ClusterReplicas>
    let doors: Doors
    let settings: CoordinatorSettings
    let instruments: CoordinatorInstruments
    /// Registers that others have been in the way at.
    let contended = ContendedKeys()
    private let queue = ChangeQueue()
    private let kept = KeptPromises()
    private let ahead = PromisesAhead()

    init(
        proposer: RegisterProposer<ClusterReplicas>,
        doors: Doors,
        settings: CoordinatorSettings,
        instruments: CoordinatorInstruments
    ) {
        self.proposer = proposer
        self.doors = doors
        self.settings = settings
        self.instruments = instruments
    }

    /// A name that no operation has had.
    func newOperation() -> OperationID { OperationID(self.doors.random.next()) }

    /// Has a majority promise a ballot ahead of a change; nil if that fails or is not needed: one
    /// is at hand, or others would only be outbid, of this coordinator or elsewhere.
    func promise(_ key: RegisterKey) async -> PromisedBallot? {
        if self.kept.hasPromise(key) || self.queue.isBusy(key) { return nil }
        if self.contended.contains(key, now: self.now) { return nil }
        guard self.ahead.begin(key, now: self.now) else { return nil }
        let prepared = await self.proposer.prepareOnce(key)
        return self.ahead.finish(key, prepared, now: self.now)
    }

    /// Attempts lost to others before changes that may yield do so.
    private var lostMax: Int { max(1, self.settings.forwardAfter) }

    private var now: UInt64 { self.doors.time.nanoseconds }

    /// Changes one register: see ``RegisterProposer``.
    ///
    /// - Throws: `RegisterError`, ``Yielded``, or what the hold's `raise` throws.
    func change<Change: RegisterChange>(
        _ key: RegisterKey,
        _ change: Change,
        _ terms: WriteTerms
    ) async throws -> Changed<Change.Outcome> {
        let patience = terms.deadline ?? self.settings.changeDeadline
        let deadline = self.now + patience.wholeMicroseconds * 1_000
        let queued = QueuedChange(change, terms, deadline: deadline)
        switch self.queue.add(queued, of: key) {
        case .first: self.doors.background.run { await self.workOff(key) }
        case .waiting: break
        case .refused: throw RegisterError.contended
        }
        let changed = try await queued.answer.value.get()
        guard let outcome = changed.outcome as? Change.Outcome else {
            preconditionFailure("A change has outcomes of one type.")
        }
        return Changed(outcome: outcome, state: changed.state)
    }

    /// Changes one register with nothing to be done before its accept.
    func change<Change: RegisterChange>(
        _ key: RegisterKey,
        generation: UInt64 = 0,
        _ change: Change,
        _ operation: @autoclosure () -> String
    ) async throws(ClusterError) -> Changed<Change.Outcome> {
        do {
            return try await self.change(key, change, WriteTerms(generation: generation))
        } catch let error as RegisterError {
            throw ClusterError(error, operation())
        } catch {
            throw ClusterError(.internalError, operation(), cause: error)
        }
    }

    /// Makes proposals until no change of the register waits any more.
    ///
    /// Not in the task of any of the callers: none of them ends the others by ending.
    private func workOff(_ key: RegisterKey) async {
        while let batch = self.queue.next(key) {
            let now = self.now
            for change in batch where change.deadline <= now {
                change.fail(RegisterError.contended)
            }
            let due = batch.filter { $0.deadline > now }
            guard let deadline = due.map(\.deadline).max() else { continue }
            let rest = await self.propose(Batch(key, due), within: deadline - now)
            self.queue.putBack(rest, of: key)
        }
    }

    /// - Returns: the changes that were no part of what took effect, in order.
    private func propose(_ given: Batch, within nanoseconds: UInt64) async -> [QueuedChange] {
        var batch = given
        let memory = self.kept.take(batch.key, now: self.now)
        let prepared = await self.prepared(for: batch, memory)
        let end = await self.proposer.change(
            batch.key,
            operation: self.newOperation(),
            generation: batch.generation,
            CombinedTerms(
                prepared: prepared,
                deadline: .nanoseconds(Int64(clamping: nanoseconds)),
                streak: memory?.last,
                lostMax: batch.mayYield ? self.lostMax : nil
            ),
            CombinedChange(batch.changes.map(\.change))
        ) { ballot, outcome in
            await batch.prepare(outcome, at: ballot, self.settings.sabotage)
        }
        if case .success(let changed?) = end.result, let name = changed.name {
            let memory = KeptPromises.Memory(last: name, promise: changed.next, since: self.now)
            self.kept.keep(memory, of: batch.key)
        }
        if end.lost >= self.lostMax { self.contended.note(batch.key, now: self.now) }
        let rest = batch.answer(end)
        self.instruments.proposed(batch.changes.count - rest.count)
        return rest
    }

    /// The ballot to begin with: what was promised with the last change is newer than anything
    /// prepared before it; otherwise the highest that the changes bring along.
    ///
    /// What a promise showed is evidence only for an operation that had begun before.
    private func prepared(for batch: Batch, _ memory: KeptPromises.Memory?) async -> Prepared? {
        if let promise = memory?.promise { return promise }
        var promised = batch.changes.compactMap(\.promised)
        if let other = await self.ahead.take(batch.key) { promised.append(other) }
        promised.sort { $0.ballot > $1.ballot }
        for candidate in promised {
            guard let prepared = candidate.take() else { continue }
            let isOwn = batch.changes.count == 1 && batch.changes[0].promised === candidate
            return isOwn ? prepared : prepared.asKept
        }
        return nil
    }
}
