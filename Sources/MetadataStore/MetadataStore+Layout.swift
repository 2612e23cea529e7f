package import Register
import Runtime
package import StoreModel
import Synchronization
import Wire

/// What a node says to a request of one layout.
package enum ReplicaAnswer: Hashable, Sendable {
    case reply(RegisterReply)
    /// The node acts by another layout, or is about to.
    case otherLayout
    /// The node has joined the partition lately and cannot take this yet.
    case awaitsFloor
}

extension MetadataStore {
    /// Rows deleted in one batch.
    package static let droppedRows = 256

    func acts(under epoch: UInt64) -> Bool {
        let own = self.stored.withLock { $0.epoch }
        return epoch == own || epoch < own && self.sabotage.contains(.noFence)
    }

    var isJoint: Bool { self.stored.withLock { $0.layout?.isJoint ?? false } }

    func isJoining(_ partition: PartitionID) -> Bool {
        self.stored.withLock { $0.joining.contains(partition) }
    }

    /// Keeps the layout, durably; an older one, or the same again, changes nothing.
    ///
    /// When this returns nothing that was asked under an older layout is under way any more, nor
    /// will be carried out. Partitions that the node joins by the layout are emptied first: what it
    /// kept of them from earlier times must not count.
    ///
    /// - Throws: ``MetadataError``. The older layout is in force then, and partitions that were to
    ///   be joined may have lost rows, which does not matter: it had left them.
    package func store(
        _ layout: LayoutRecord,
        joining partitions: [PartitionID] = []
    ) async throws(MetadataError) {
        try await self.layoutLock.run { () async throws(MetadataError) in
            let former = self.layout?.epoch ?? 0
            guard layout.epoch > former else { return }
            self.stored.withLock { $0.epoch = layout.epoch }
            await self.locks.waitForEveryone()
            do throws(MetadataError) {
                for partition in partitions {
                    while try await self.dropPage(of: partition) == Self.droppedRows {}
                }
                var batch = RowBatch()
                batch.put(.node, NodeRow.layout, layout.sealed(under: NodeRow.layout))
                for partition in partitions { batch.put(.node, NodeRow.joining(partition), []) }
                try await self.commit(batch)
            } catch {
                self.stored.withLock { $0.epoch = former }
                throw error
            }
            self.stored.withLock { state in
                state.layout = layout
                state.joining.formUnion(partitions)
            }
        }
    }

    /// Deletes the next rows of a partition that the node does not keep, at most ``droppedRows``,
    /// with all that belongs to them.
    ///
    /// Rows that have promised and never accepted anything stay: they say no more than "no".
    /// Nothing is durable before the next durable change.
    ///
    /// - Precondition: nobody changes rows of the partition meanwhile.
    /// - Returns: the number of rows deleted; fewer than ``droppedRows`` were the last.
    package func dropPage(of partition: PartitionID) async throws(MetadataError) -> Int {
        let prefix = PartitionRow.prefix(partition)
        let page = try await self.index(
            from: prefix,
            to: PartitionRow.end(of: prefix),
            limit: Self.droppedRows
        )
        guard !page.isEmpty else { return 0 }
        var batch = RowBatch()
        for (index, accepted) in page {
            let row = PartitionRow.row(of: index)
            batch.delete(.rows, row)
            if TailRow.mayBe(at: row) { batch.delete(.tails, row) }
            batch.delete(.partitions, index)
            batch.delete(.partitions, GarbageRow.key(of: row))
            batch.delete(.partitions, TombstoneRow.key(of: row, round: accepted.round))
        }
        let changes = batch
        try await translated { () async throws(EngineError) in
            try await self.engine.commit(changes, durable: false)
        }
        self.digests.forget(partition)
        return page.count
    }

    // MARK: - Handing over

    /// Rows as they are, whole and promises included, for those who hand them over; nil if the row
    /// is damaged.
    package func rows(
        _ keys: [[UInt8]]
    ) async throws(MetadataError) -> [(key: [UInt8], row: AcceptorRow?)] {
        var rows: [(key: [UInt8], row: AcceptorRow?)] = []
        for key in keys { rows.append((key: key, row: try await self.wholeRow(key))) }
        return rows
    }

    package func floors(of partition: PartitionID) -> PartitionFloors {
        self.stored.withLock { state in
            func floor(_ isManifests: Bool) -> Ballot {
                state.floors[FloorDomain(partition, isManifests: isManifests)] ?? .zero
            }
            return PartitionFloors(
                objects: floor(false),
                manifests: floor(true),
                isComplete: !state.joining.contains(partition)
            )
        }
    }

    /// Raises the floors of a partition to those that others have, durably: now the node knows what
    /// must not come back.
    package func raise(
        _ floors: PartitionFloors,
        of partition: PartitionID
    ) async throws(MetadataError) {
        try await self.floorLock(of: partition).run { () async throws(MetadataError) in
            var batch = RowBatch()
            var raised: [(domain: FloorDomain, floor: Ballot)] = []
            for (isManifests, ballot) in [(false, floors.objects), (true, floors.manifests)] {
                let domain = FloorDomain(partition, isManifests: isManifests)
                guard ballot > self.floor(of: domain) else { continue }
                batch.put(.node, NodeRow.floor(domain), ballot.sealed(under: NodeRow.floor(domain)))
                raised.append((domain: domain, floor: ballot))
            }
            let ends = floors.isComplete && self.isJoining(partition)
            if ends { batch.delete(.node, NodeRow.joining(partition)) }
            guard ends || !raised.isEmpty else { return }
            try await self.commit(batch)
            self.stored.withLock { state in
                for (domain, floor) in raised { state.raiseFloor(of: domain, to: floor) }
                if ends { state.joining.remove(partition) }
            }
        }
    }

    /// All fences behind a bucket, in order, at most `limit`.
    package func fences(after bucket: BucketID?, limit: Int) -> [BucketFence] {
        let fences = self.stored.withLock { $0.fences }
        let later = fences.keys.filter { key in bucket.map { $0 < key } ?? true }
        return later.sorted().prefix(limit).map {
            BucketFence(bucket: $0, generation: fences[$0] ?? 0)
        }
    }

    /// Raises fences, durably.
    ///
    /// When this returns no accept that they forbid is still under way. With an `epoch`, nothing is
    /// raised for an asker of another layout: who counts fences counts those of one layout.
    ///
    /// - Returns: false if the node acts by another layout.
    @discardableResult
    package func raise(
        _ fences: [BucketFence],
        under epoch: UInt64? = nil
    ) async throws(MetadataError) -> Bool {
        self.stored.withLock { state in
            for fence in fences { state.raiseFence(of: fence.bucket, to: fence.generation) }
        }
        // From here on whoever hands over reads them.
        if let epoch, self.stored.withLock({ $0.epoch != epoch }) { return false }
        await self.locks.waitForEveryone()
        try await self.fenceLock.run { () async throws(MetadataError) in
            var batch = RowBatch()
            for fence in fences {
                let key = NodeRow.fence(fence.bucket)
                let generation = self.stored.withLock { $0.fences[fence.bucket] ?? 0 }
                batch.put(.node, key, Fence(generation: generation).sealed(under: key))
            }
            try await self.commit(batch)
        }
        return true
    }
}
