import MetadataStore
import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

/// What a node does when replica sets are changed.
///
/// Source: docs/protocol/layout.md, "Changing the layout".
extension StorageNode {
    /// Partitions that the node has become a replica of since the layout it acts by.
    ///
    /// It may have been one before that: then what it kept does not count any more.
    func partitionsJoined(by next: Layout) -> [PartitionID] {
        let epoch = self.layouts.epoch
        return PartitionID.all.filter { partition in
            guard let entry = next.entryEpoch(of: self.id, in: partition) else { return false }
            return entry > max(epoch, 1)
        }
    }

    /// Whether the node is one of those that keep something for good.
    func stays(in layout: LayoutRecord) -> Bool {
        layout.nodes.contains { $0.id == self.id && $0.capacityBytes > 0 }
    }

    /// What is answered to a request that another layout has overtaken: the newer layout, as soon
    /// as it is in force here.
    func afterSwitch() async -> PeerReply {
        await self.layoutLock.run {}
        guard let layout = self.layouts.layout else { return .needLayout }
        return .staleLayout(layout.record)
    }

    /// Deletes the rows of partitions that the node does not keep any more, in the background, a
    /// page at a time.
    func dropLeftRows() {
        self.doors.background.run {
            for partition in PartitionID.all {
                while self.isInService, await self.dropPage(of: partition) {}
            }
        }
    }

    /// False if there is no more.
    private func dropPage(of partition: PartitionID) async -> Bool {
        await self.layoutLock.run {
            guard let layout = self.layouts.layout,
                !layout.replicaSet(of: partition).contains(self.id)
            else { return false }
            let dropped = try? await self.onRows { () async throws(MetadataError) in
                try await self.rows.dropPage(of: partition)
            }
            return dropped == MetadataStore.droppedRows
        }
    }

    // MARK: - Handing over

    func heldRows(_ request: HeldRowsRequest) async throws(PeerFailure) -> PeerReply {
        try self.checkKeeps(request.partition)
        var rows: [HeldRow] = []
        var bytes = 0
        for key in request.keys where bytes < HeldRowsRequest.pageBytes {
            let row = try await self.onRows { () async throws(MetadataError) in
                try await self.rows.rows([key])
            }
            let held = HeldRow(row.first?.row, withValue: request.withValues)
            if case .row(_, _, let value?) = held { bytes += value.body?.count ?? 0 }
            rows.append(held)
        }
        return .heldRows(rows)
    }

    /// Takes rows as if their accepts had been sent once more; all of them share syncs.
    func install(
        _ request: InstallRequest,
        under epoch: UInt64
    ) async throws(PeerFailure) -> PeerReply {
        try self.checkKeeps(request.partition)
        var keys: [RegisterKey] = []
        for row in request.rows {
            guard let key = try? RegisterKey(row: row.key), key.partition == request.partition
            else { throw PeerFailure(.badRequest, "a row of another partition") }
            keys.append(key)
        }
        let registers = keys
        let answers = await withTaskGroup(
            of: (Int, Result<ReplicaAnswer, MetadataError>).self
        ) { group in
            for (place, row) in request.rows.enumerated() {
                group.addTask {
                    (place, await self.install(row, as: registers[place], under: epoch))
                }
            }
            var answers: [Int: Result<ReplicaAnswer, MetadataError>] = [:]
            for await (place, answer) in group { answers[place] = answer }
            return answers
        }
        var outcomes: [Bool] = []
        for place in request.rows.indices {
            switch answers[place] {
            case .success(.reply(let reply))?: outcomes.append(reply == .accepted)
            case .success?, nil: return await self.afterSwitch()
            case .failure(let error)?: throw PeerFailure(error)
            }
        }
        return .installed(outcomes)
    }

    private func install(
        _ row: InstalledRow,
        as key: RegisterKey,
        under epoch: UInt64
    ) async -> Result<ReplicaAnswer, MetadataError> {
        let accept = RegisterRequest.accept(row.ballot, row.value, generation: row.generation)
        do throws(MetadataError) {
            return .success(
                try await self.rows.answer(accept, about: key, under: epoch, isInstall: true)
            )
        } catch { return .failure(error) }
    }

    func fences(after bucket: BucketID?) -> PeerReply {
        let limit = FencePage.fencesMax
        let fences = self.rows.fences(after: bucket, limit: limit)
        return .fences(FencePage(fences: fences, isTruncated: fences.count == limit))
    }

    func raise(
        _ fences: [BucketFence],
        under epoch: UInt64
    ) async throws(PeerFailure) -> PeerReply {
        let isRaised = try await self.onRows { () async throws(MetadataError) in
            try await self.rows.raise(fences, under: epoch)
        }
        return isRaised ? .done(0) : await self.afterSwitch()
    }
}
