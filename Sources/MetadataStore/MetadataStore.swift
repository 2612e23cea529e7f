package import Register
import Runtime
package import StoreModel
import Synchronization

/// The rows of one node: what it has promised and accepted as a replica of registers, and what it
/// knows of itself.
///
/// Every change is durable before the answer. Requests about one register take turns; requests
/// about different registers share syncs in the engine.
/// Source: docs/protocol/registers.md, "Acceptor"; docs/format/metadata.md.
package final class MetadataStore: Sendable {
    /// Drawn when the directory was first used.
    package let node: NodeID
    /// One more at each open, durably: no ballot of an earlier life can be made again.
    package let incarnation: UInt32

    let engine: any KeyValueEngine
    private let locks = RowLocks()
    private let layoutLock = TaskLock()
    private let stored: Mutex<NodeState>

    init(engine: any KeyValueEngine, identity: Identity, state: consuming NodeState) {
        self.engine = engine
        self.node = identity.node
        self.incarnation = identity.incarnation
        self.stored = Mutex(state)
    }

    /// The layout stored last; nil before the first.
    package var layout: LayoutRecord? { self.stored.withLock { $0.layout } }

    /// Answers as a replica of the register: the rules are those of ``AcceptorRow``.
    ///
    /// A promise or a value is durable before this returns; a read makes no sync. A damaged row is
    /// answered with ``RegisterReply/corrupt`` whatever is asked.
    ///
    /// - Throws: ``MetadataError``; after ``MetadataError/failed(_:)`` the change may have
    ///   happened.
    package func answer(
        _ request: RegisterRequest,
        about key: RegisterKey
    ) async throws(MetadataError) -> RegisterReply {
        let rowKey = key.row
        if case .read = request {
            guard let row = try await self.row(rowKey) else { return .corrupt }
            return row.read()
        }
        return try await self.locks.run(row: rowKey) { () async throws(MetadataError) in
            guard let before = try await self.row(rowKey) else { return .corrupt }
            var row = before
            let reply = row.apply(request, rules: self.rules(for: key))
            if row != before { try await self.replace(rowKey, before, row) }
            return reply
        }
    }

    /// Refuses accepts on objects of the bucket that carry a lower generation, from now on and for
    /// ever.
    ///
    /// When this returns the fence is durable, and no accept that it forbids is still under way.
    package func fence(_ bucket: BucketID, generation: UInt64) async throws(MetadataError) {
        self.stored.withLock { $0.raiseFence(of: bucket, to: generation) }
        await self.locks.waitForEveryone()
        let key = NodeRow.fence(bucket)
        try await self.locks.run(row: key) { () async throws(MetadataError) in
            let fence = Fence(generation: self.stored.withLock { $0.fences[bucket] ?? 0 })
            var batch = RowBatch()
            batch.put(.node, key, fence.sealed(under: key))
            try await self.commit(batch)
        }
    }

    /// Keeps the layout, durably.
    ///
    /// An older one, or the same again, changes nothing.
    package func store(_ layout: LayoutRecord) async throws(MetadataError) {
        try await self.layoutLock.run { () async throws(MetadataError) in
            guard layout.epoch > self.layout?.epoch ?? 0 else { return }
            var batch = RowBatch()
            batch.put(.node, NodeRow.layout, layout.sealed(under: NodeRow.layout))
            try await self.commit(batch)
            self.stored.withLock { $0.layout = layout }
        }
    }
}

extension MetadataStore {
    /// - Returns: an empty row if there is none, nil if there is one but it is damaged.
    private func row(_ key: [UInt8]) async throws(MetadataError) -> AcceptorRow? {
        let value = try await translated { () async throws(EngineError) in
            try await self.engine.get(.rows, key)
        }
        guard let value else { return AcceptorRow() }
        return try? AcceptorRow(sealed: value, under: key)
    }

    /// Writes the row and keeps its mark, durably.
    private func replace(
        _ key: [UInt8],
        _ before: AcceptorRow,
        _ after: AcceptorRow
    ) async throws(MetadataError) {
        var batch = RowBatch()
        batch.put(.rows, key, after.sealed(under: key))
        if after.hasGarbage {
            batch.put(.partitions, GarbageRow.key(of: key), [])
        } else if before.hasGarbage {
            batch.delete(.partitions, GarbageRow.key(of: key))
        }
        try await self.commit(batch)
    }

    private func rules(for key: RegisterKey) -> AcceptorRules {
        guard case .object(let bucket, _) = key else { return AcceptorRules() }
        return AcceptorRules(leastGeneration: self.stored.withLock { $0.fences[bucket] ?? 0 })
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
        }
    }
}
