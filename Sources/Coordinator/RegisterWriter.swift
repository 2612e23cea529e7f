import Register
import Runtime
import StoreModel

/// Changes registers for this coordinator: in turn for each register, and with as few rounds as it
/// can.
struct RegisterWriter: Sendable {
    let proposer: RegisterProposer<ClusterReplicas>
    let doors: Doors
    let settings: CoordinatorSettings
    private let turns = KeyTurns()
    private let kept = KeptPromises()

    init(
        proposer: RegisterProposer<ClusterReplicas>,
        doors: Doors,
        settings: CoordinatorSettings
    ) {
        self.proposer = proposer
        self.doors = doors
        self.settings = settings
    }

    /// A name that no operation has had.
    func newOperation() -> OperationID { OperationID(self.doors.random.next()) }

    /// Whether a change could leave with a single accept.
    func hasPromise(_ key: RegisterKey) -> Bool { self.kept.hasPromise(key) }

    /// Whether a ballot need not be asked for ahead of a change: one is at hand, or others of this
    /// coordinator would only be outbid.
    private func isPromised(_ key: RegisterKey) -> Bool {
        self.kept.hasPromise(key) || self.turns.isBusy(key)
    }

    /// Has a majority promise a ballot ahead of a change; nil if that fails or is not needed.
    func promise(_ key: RegisterKey) async -> Prepared? {
        if self.isPromised(key) { return nil }
        return try? await self.proposer.prepare(key, deadline: self.settings.registerTimeout)
    }

    /// Changes one register: see ``RegisterProposer``.
    ///
    /// `beforeAccept` is given each ballot just before its accept leaves.
    func change<Change: RegisterChange>(
        _ key: RegisterKey,
        generation: UInt64,
        from prepared: Prepared? = nil,
        _ change: Change,
        beforeAccept: (Ballot) async throws -> Void
    ) async throws -> Changed<Change.Outcome> {
        guard await self.turns.begin(key) else { throw RegisterError.contended }
        defer { self.turns.end(key) }
        let memory = self.kept.take(key, now: self.doors.time.nanoseconds)
        let changed = try await self.proposer.change(
            key,
            operation: self.newOperation(),
            generation: generation,
            // What was promised with the last change is newer than anything prepared before it.
            from: memory?.promise ?? prepared,
            deadline: self.settings.changeDeadline,
            streak: memory?.last,
            beforeAccept: { ballot, _ in try await beforeAccept(ballot) },
            change
        )
        if let name = changed.name {
            self.kept.keep(
                KeptPromises.Memory(
                    last: name,
                    promise: changed.next,
                    since: self.doors.time.nanoseconds
                ),
                of: key
            )
        }
        return changed
    }

    /// Changes one register with nothing to be done before its accept.
    func change<Change: RegisterChange>(
        _ key: RegisterKey,
        generation: UInt64 = 0,
        _ change: Change,
        _ operation: @autoclosure () -> String
    ) async throws(ClusterError) -> Changed<Change.Outcome> {
        do {
            return try await self.change(key, generation: generation, change) { _ in }
        } catch let error as RegisterError {
            throw ClusterError(error, operation())
        } catch {
            throw ClusterError(.internalError, operation(), cause: error)
        }
    }
}
