package import Register
import Runtime
package import StoreModel
import Synchronization
import Wire

/// The rows of one node: what it has promised and accepted as a replica of registers, and what it
/// knows of itself.
///
/// Every change is durable before the answer. Requests about one register take turns; requests
/// about different registers share syncs in the engine. Source: docs/protocol/registers.md,
/// "Acceptor"; docs/format/metadata.md.
package final class MetadataStore: Sendable {
    /// Drawn when the directory was first used.
    package let node: NodeID
    /// One more at each open, durably: no ballot of an earlier life can be made again.
    package let incarnation: UInt32
    /// Tells this start from any other with the same incarnation.
    package let start: NodeStart

    let engine: any KeyValueEngine
    let locks = RowLocks()
    let layoutLock = TaskLock()
    private let floorLocks = (0..<64).map { _ in TaskLock() }
    let fenceLock = TaskLock()
    private let ceilingLock = TaskLock()
    private let startsLock = TaskLock()
    let digests = RowDigests()
    let stored: Mutex<NodeState>
    /// Segments of so many bytes are kept apart from their rows.
    let tailBytes: Int
    let sabotage: AcceptorSabotage

    init(
        engine: any KeyValueEngine,
        identity: Identity,
        start: NodeStart,
        state: consuming NodeState,
        settings: RowSettings
    ) {
        self.engine = engine
        self.node = identity.node
        self.incarnation = identity.incarnation
        self.start = start
        self.stored = Mutex(state)
        self.tailBytes = settings.tailBytes
        self.sabotage = settings.sabotage
    }

    /// The layout stored last; nil before the first.
    package var layout: LayoutRecord? { self.stored.withLock { $0.layout } }

    /// Answers as a replica of the register: the rules are those of ``AcceptorRow``.
    ///
    /// A promise or a value is durable before this returns; a read makes no sync. A damaged row is
    /// answered with ``RegisterReply/corrupt`` whatever is asked, but for a repair.
    ///
    /// - Throws: ``MetadataError``; after ``MetadataError/failed(_:)`` the change may have
    ///   happened.
    package func answer(
        _ request: RegisterRequest,
        about key: RegisterKey
    ) async throws(MetadataError) -> RegisterReply {
        let epoch = self.stored.withLock { $0.epoch }
        guard case .reply(let reply) = try await self.answer(request, about: key, under: epoch)
        else { throw .failed("another layout came between") }
        return reply
    }

    /// Answers as a replica by one layout, if the node acts by that one until the answer is
    /// durable.
    ///
    /// The layout is compared while the row is locked, so that nothing of an older layout is
    /// written once ``store(_:joining:)`` has returned.
    ///
    /// - Parameters:
    ///   - request: What is asked.
    ///   - key: The register.
    ///   - epoch: That of the asker's layout.
    ///   - isInstall: The value comes from a majority of the former replicas.
    /// - Returns: the reply, or why there is none.
    /// - Throws: ``MetadataError``; the change may have happened.
    package func answer(
        _ request: RegisterRequest,
        about key: RegisterKey,
        under epoch: UInt64,
        isInstall: Bool = false
    ) async throws(MetadataError) -> ReplicaAnswer {
        let rowKey = key.row
        if case .read = request {
            let row = try await self.wholeRow(rowKey)
            guard self.acts(under: epoch) else { return .otherLayout }
            return .reply(row?.read() ?? self.corrupt(rowKey))
        }
        return try await self.locks.run(row: rowKey) { () async throws(MetadataError) in
            guard self.acts(under: epoch) else { return .otherLayout }
            guard let before = try await self.row(rowKey) else {
                guard case .repair(let ballot, let value) = request else {
                    return .reply(self.corrupt(rowKey))
                }
                return .reply(try await self.repair(key, ballot, value))
            }
            if !isInstall, case .accept(let ballot, _, _, _) = request,
                before.mustAwaitFloor(ballot), self.isJoining(key.partition)
            {
                return .awaitsFloor
            }
            return .reply(try await self.answer(request, key, before, isInstall: isInstall))
        }
    }

    private func answer(
        _ request: RegisterRequest,
        _ key: RegisterKey,
        _ before: AcceptorRow,
        isInstall: Bool
    ) async throws(MetadataError) -> RegisterReply {
        if case .erase(let tombstone) = request {
            return try await self.erase(key, before, at: tombstone)
        }
        let (request, tail) = self.split(request, of: key)
        var row = before
        var rules = self.rules(for: key)
        rules.ignoresPromises = isInstall && self.sabotage.contains(.installIgnoresPromise)
        if case .manifest = key {
            rules.ignoresFloor = self.sabotage.contains(.creationIgnoresFloor)
        }
        let reply = row.apply(request, rules: rules)
        guard self.hasTail(of: row, before: before, sent: tail) else { return .tailMissing }
        // Before the promise: a damaged row makes none.
        guard let shown = try await self.whole(reply, of: key, before) else {
            return self.corrupt(key.row)
        }
        if row != before {
            try await self.replace(key, before, row, tail: tail)
        } else if case .repair = request {
            // The row is sound; its entry in the index may not be.
            try await self.repairIndex(key, row)
        }
        return shown
    }

    /// Refuses accepts on objects of the bucket that carry a lower generation, from now on and for
    /// ever.
    ///
    /// When this returns the fence is durable, and no accept that it forbids is still under way.
    package func fence(_ bucket: BucketID, generation: UInt64) async throws(MetadataError) {
        try await self.raise([BucketFence(bucket: bucket, generation: generation)])
    }

    /// Keeps the start of another node in mind, durably, if it comes after the newest one seen.
    ///
    /// - Parameters:
    ///   - start: of the node.
    ///   - previous: an earlier start that the node knows of its directory.
    ///   - node: another one.
    /// - Returns: nil if it is noted, otherwise the newest start seen: it is not the previous one,
    ///   and it is for the node to say whether it knows of that one, too.
    /// - Throws: ``MetadataError/failed(_:)`` if it could not be made durable.
    package func note(
        _ start: NodeStart,
        after previous: NodeStart?,
        of node: NodeID
    ) async throws(MetadataError) -> NodeStart? {
        try await self.startsLock.run { () async throws(MetadataError) in
            let seen = self.stored.withLock { $0.starts[node] }
            guard start != seen else { return nil }
            guard seen == nil || seen == previous else { return seen }
            var batch = RowBatch()
            batch.put(.node, NodeRow.start(node), start.sealed(under: NodeRow.start(node)))
            try await self.commit(batch)
            self.stored.withLock { $0.note(start, of: node) }
            return nil
        }
    }

    /// The start on this directory before the present one; nil at the first.
    package var previousStart: NodeStart? { self.stored.withLock { $0.ownStarts.previous } }

    /// Whether a start of this node that another has seen was one on this directory as it is.
    ///
    /// If not, the directory has been put back to an earlier state, and promises were lost.
    package func knows(_ seen: NodeStart) -> Bool {
        if self.sabotage.contains(.startsByNumber) {
            return seen.incarnation < self.start.incarnation
        }
        return self.stored.withLock { $0.ownStarts.contain(seen) }
    }

    /// Makes sure that the directory is never opened again: others have seen it further on than it
    /// is.
    package func retire() async throws(MetadataError) {
        var batch = RowBatch()
        batch.put(.node, NodeRow.retired, [])
        try await self.commit(batch)
    }

}

extension MetadataStore {
    /// The bytes of a row; nil if there is none.
    func value(of key: [UInt8]) async throws(MetadataError) -> [UInt8]? {
        try await translated { () async throws(EngineError) in
            try await self.engine.get(.rows, key)
        }
    }

    /// The row as it is stored: its tail is named.
    ///
    /// - Returns: an empty row if there is none, nil if there is one but it is damaged.
    func row(_ key: [UInt8]) async throws(MetadataError) -> AcceptorRow? {
        guard let value = try await self.value(of: key) else { return AcceptorRow() }
        if let row = try? AcceptorRow(sealed: value, under: key), !self.isKnownDamaged(row, key) {
            return row
        }
        return self.sabotage.contains(.corruptIsAbsent) ? AcceptorRow() : nil
    }

    func corrupt(_ row: [UInt8]) -> RegisterReply {
        self.stored.withLock { $0.noteDamage(of: row) }
        return .corrupt
    }

    /// Writes the row and keeps its tail, its marks and its entry in the index, durably.
    private func replace(
        _ key: RegisterKey,
        _ before: AcceptorRow,
        _ after: AcceptorRow,
        tail: [UInt8]?
    ) async throws(MetadataError) {
        var batch = RowBatch()
        batch.put(.rows, key.row, after.sealed(under: key.row))
        self.changeTail(of: key.row, from: before, to: after, tail, in: &batch)
        batch.changeMarks(of: key.row, from: before, to: after)
        guard before.accepted != after.accepted else {
            return try await self.commit(batch, promising: after.promised)
        }
        let index = PartitionRow.key(of: key.row, in: key.partition)
        batch.put(.partitions, index, after.accepted.sealed(under: index))
        try await self.change(index, in: key.partition, before.accepted, after.accepted) {
            () async throws(MetadataError) in
            try await self.commit(batch, promising: after.promised)
        }
    }

    /// Forgets a tombstone, and raises the floor in its stead: in one batch, so that neither is on
    /// disk without the other.
    ///
    /// Other erasures under the same floor wait, so that floors reach the disk in order.
    private func erase(
        _ key: RegisterKey,
        _ before: AcceptorRow,
        at tombstone: Ballot
    ) async throws(MetadataError) -> RegisterReply {
        let domain = FloorDomain(key)
        return try await self.floorLock(of: domain.partition).run {
            () async throws(MetadataError) in
            guard !self.isJoint || self.sabotage.contains(.eraseAnyConfig) else {
                return .conflict(newest: max(before.promised, before.accepted))
            }
            var row = before
            var floor = self.floor(of: domain)
            let reply = row.erase(tombstone, floor: &floor, sabotage: self.sabotage)
            guard reply == .erased, before != row else { return reply }
            let index = PartitionRow.key(of: key.row, in: key.partition)
            var batch = RowBatch()
            batch.delete(.rows, key.row)
            batch.changeMarks(of: key.row, from: before, to: row)
            batch.delete(.partitions, index)
            batch.put(.node, NodeRow.floor(domain), floor.sealed(under: NodeRow.floor(domain)))
            try await self.change(index, in: key.partition, before.accepted, .zero) {
                () async throws(MetadataError) in
                try await self.commit(batch)
            }
            self.stored.withLock { $0.raiseFloor(of: domain, to: floor) }
            return reply
        }
    }

    /// Puts a chosen value in the place of a damaged row, if its ballot is above all that this
    /// replica can ever have promised.
    private func repair(
        _ key: RegisterKey,
        _ ballot: Ballot,
        _ value: RegisterValue
    ) async throws(MetadataError) -> RegisterReply {
        // A damaged row has no tail that could stay.
        guard value.tail == nil else { return .tailMissing }
        let split = value.split(key, from: self.tailBytes)
        let isLax = self.sabotage.contains(.repairBelowCeiling)
        let ceiling = isLax ? 0 : self.stored.withLock { $0.ceiling.round }
        let stored = split?.head ?? value
        guard let row = AcceptorRow.repaired(at: ballot, stored, ceiling: ceiling) else {
            return .conflict(newest: Ballot(round: ceiling, node: 0, incarnation: 0, sequence: 0))
        }
        let index = PartitionRow.key(of: key.row, in: key.partition)
        var batch = RowBatch()
        batch.put(.rows, key.row, row.sealed(under: key.row))
        if let name = row.value?.tail, let tail = split?.tail {
            batch.put(.tails, key.row, TailRow(name, tail).sealed(under: key.row))
        } else if TailRow.mayBe(at: key.row) {
            batch.delete(.tails, key.row)
        }
        // A mark of the damaged row may be left; who follows it finds out.
        batch.changeMarks(of: key.row, from: AcceptorRow(), to: row)
        batch.put(.partitions, index, row.accepted.sealed(under: index))
        try await self.commit(batch, promising: row.promised)
        // Nobody knows which ballot the digest was made of.
        self.digests.forget(key.partition)
        self.stored.withLock { $0.forgetDamage(of: key.row) }
        return .accepted
    }

    private func repairIndex(
        _ key: RegisterKey,
        _ row: AcceptorRow
    ) async throws(MetadataError) {
        guard row.accepted != .zero else { return }
        let index = PartitionRow.key(of: key.row, in: key.partition)
        var batch = RowBatch()
        batch.put(.partitions, index, row.accepted.sealed(under: index))
        try await self.commit(batch)
        self.digests.forget(key.partition)
    }

    /// Carries out a change of what a row has accepted, and keeps the digests up to date.
    private func change(
        _ index: [UInt8],
        in partition: PartitionID,
        _ before: Ballot,
        _ after: Ballot,
        _ body: () async throws(MetadataError) -> Void
    ) async throws(MetadataError) {
        self.digests.begin(index, in: partition, before: before)
        do throws(MetadataError) {
            try await body()
        } catch {
            self.digests.end(index, in: partition, after: before)
            throw error
        }
        self.digests.end(index, in: partition, after: after)
    }

    func floorLock(of partition: PartitionID) -> TaskLock {
        self.floorLocks[Int(partition.number) % self.floorLocks.count]
    }

    func floor(of domain: FloorDomain) -> Ballot {
        self.stored.withLock { $0.floors[domain] ?? .zero }
    }

    private func rules(for key: RegisterKey) -> AcceptorRules {
        var rules = AcceptorRules(floor: self.floor(of: FloorDomain(key)))
        if let bucket = key.bucket {
            rules.leastGeneration = self.stored.withLock { $0.fences[bucket] ?? 0 }
        }
        return rules
    }

    /// Commits a promise; the ceiling rises with it, in the same batch, if it has come near.
    private func commit(
        _ batch: RowBatch,
        promising ballot: Ballot
    ) async throws(MetadataError) {
        if ballot.round >= self.stored.withLock({ $0.ceiling.round }) {
            let isDone = try await self.ceilingLock.run { () async throws(MetadataError) in
                guard ballot.round >= self.stored.withLock({ $0.ceiling.round }) else {
                    return false
                }
                let ceiling = PromiseCeiling(above: ballot.round)
                var batch = batch
                batch.put(.node, NodeRow.ceiling, ceiling.sealed(under: NodeRow.ceiling))
                try await self.commit(batch)
                self.stored.withLock { $0.raiseCeiling(to: ceiling) }
                return true
            }
            if isDone { return }
        }
        try await self.commit(batch)
    }

    func commit(_ batch: RowBatch) async throws(MetadataError) {
        try await translated { () async throws(EngineError) in
            try await self.engine.commit(batch, durable: true)
        }
    }
}

extension AcceptorRow {
    var hasGarbage: Bool { self.value?.hasGarbage ?? false }

    fileprivate mutating func apply(
        _ request: RegisterRequest,
        rules: AcceptorRules
    ) -> RegisterReply {
        switch request {
        case .prepare(let ballot):
            self.prepare(ballot, floor: rules.floor)
        case .accept(let ballot, let value, let generation, let next):
            self.accept(ballot, value, generation: generation, next: next, rules: rules)
        case .read:
            self.read()
        case .repair(let ballot, let value):
            // What was chosen may be accepted under any generation.
            self.accept(ballot, value, generation: .max, rules: rules)
        case .erase:
            preconditionFailure("Erasing takes more than the row.")
        }
    }
}

extension RowBatch {
    /// Writes and erases the marks of a row along with it.
    fileprivate mutating func changeMarks(
        of row: [UInt8],
        from before: AcceptorRow,
        to after: AcceptorRow
    ) {
        if after.hasGarbage {
            self.put(.partitions, GarbageRow.key(of: row), [])
        } else if before.hasGarbage {
            self.delete(.partitions, GarbageRow.key(of: row))
        }
        guard before.accepted != after.accepted else { return }
        if before.isTombstone {
            self.delete(.partitions, TombstoneRow.key(of: row, round: before.accepted.round))
        }
        if after.isTombstone {
            self.put(.partitions, TombstoneRow.key(of: row, round: after.accepted.round), [])
        }
    }
}
