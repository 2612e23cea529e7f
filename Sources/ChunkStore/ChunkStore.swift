import NIOCore
package import Runtime
package import StoreModel
import Synchronization
package import Wire

/// The chunks of one node, in append-only volume files.
///
/// The volumes are the truth: a record is written and synced, then entered in the index, then
/// acknowledged. The index is not synced; after a crash it is completed from the ends of the
/// volumes. Dropping punches holes, so that nothing alive is ever copied to get space back. Source:
/// docs/format/volumes.md; docs/decisions/0004-volumes.md.
package final class ChunkStore: Sendable {
    struct State {
        var volumes: [UInt32: Volume] = [:]
        /// The volume that is appended to.
        var active: UInt32?
        var nextNumber: UInt32 = 1
        /// Names that are being written, each once.
        var writing: [ChunkName: Eventual<Void>] = [:]
        var failure: String?
        var statistics = ChunkStatistics()
        /// Syncs of volumes that are gone.
        var formerSyncs = 0
    }

    /// Verifying less than this takes no longer than moving to a worker: 256 KiB, 40 us.
    private static let inlineBytes = 256 << 10
    /// Less than this is always worth the memory: to read it again from a disk takes longer by its
    /// latency, not by its bytes.
    private static let passingBytes = 1 << 20
    /// Looks at the index once more when a record that was just looked up is not there.
    private static let readAttempts = 3

    let disk: any Disk
    let doors: Doors
    let settings: ChunkStoreSettings
    let index: ChunkIndex
    let budget: ByteBudget
    /// Told of each sync of a volume, with the number of writers that it served.
    let onSync: @Sendable (Int) -> Void
    /// Only one task makes room, or changes which volumes there are.
    let allocation = TaskLock()
    /// Only one drop at a time: each record is counted and punched once.
    let dropping = TaskLock()
    /// Only one task empties volumes.
    let emptying = TaskLock()
    /// Only one task scrubs: there is one mark.
    let scrubbing = TaskLock()
    let state: Mutex<State>

    init(
        disk: any Disk,
        index: ChunkIndex,
        doors: Doors,
        settings: ChunkStoreSettings,
        onSync: @escaping @Sendable (Int) -> Void,
        state: consuming sending State
    ) {
        self.disk = disk
        self.index = index
        self.doors = doors
        self.settings = settings
        self.onSync = onSync
        self.budget = ByteBudget(bytes: settings.waitingBytesMax)
        self.state = Mutex(state)
    }

    /// Numbers since opening.
    package var statistics: ChunkStatistics {
        self.state.withLock { state in
            var statistics = state.statistics
            statistics.volumes = state.volumes.count
            statistics.syncs = state.volumes.values.reduce(state.formerSyncs) { $0 + $1.sync.count }
            return statistics
        }
    }

    /// Writes a chunk; it is durable on return.
    ///
    /// Every block is verified first. Writing the same chunk again is harmless, and replaces one
    /// that has been damaged. A write that overlaps a drop of its manifest may outlive it: drop
    /// again. `cache` counts for long chunks only.
    package func write(
        _ name: ChunkName,
        _ chunk: StoredChunk,
        _ cache: CacheUse = .kept
    ) async throws(ChunkStoreError) {
        try self.checkService()
        do throws(BlockError) {
            try await self.verify(chunk.whole)
        } catch {
            throw .refused(error)
        }
        let bytes = RecordHeader.recordBytes(chunk.header)
        await self.budget.take(bytes)
        defer { self.budget.release(bytes) }
        await self.beginWriting(name)
        defer { self.endWriting(name) }
        let existing = try await self.row(name)
        if let existing, try await self.isSound(name, existing) { return }
        try await self.append(name, chunk, replacing: existing, cache)
    }

    /// Reads some blocks, each verified; nil reads all.
    ///
    /// - Throws: ``ChunkStoreError/damaged`` if the bytes are not those that were written.
    package func read(
        _ name: ChunkName,
        blocks: Range<Int>?,
        _ cache: CacheUse = .kept
    ) async throws(ChunkStoreError) -> ChunkSlice {
        var seen: IndexRow?
        for _ in 0..<Self.readAttempts {
            try self.checkService()
            guard let row = try await self.row(name) else { throw .notFound }
            if row == seen { break }
            seen = row
            let all = 0..<row.chunk.table.count
            let blocks = blocks ?? all
            guard !blocks.isEmpty, blocks.clamped(to: all) == blocks else {
                throw .noSuchBlocks(blocks)
            }
            if let slice = await self.slice(row, blocks, cache) { return slice }
            // Dropped or replaced since its row was read, or damaged: the row tells.
        }
        self.state.withLock { $0.statistics.damagedReads += 1 }
        throw .damaged
    }

    /// Reads a whole chunk as stored, verified.
    package func chunk(
        _ name: ChunkName,
        _ cache: CacheUse = .kept
    ) async throws(ChunkStoreError) -> StoredChunk {
        let slice = try await self.read(name, blocks: nil, cache)
        let header = ChunkHeader(contentBytes: slice.header.contentBytes, table: slice.header.table)
        guard let chunk = try? StoredChunk(header: header, blocks: slice.blocks) else {
            preconditionFailure("A whole slice is a chunk: \(slice.header)")
        }
        return chunk
    }

    /// Manifests that have chunks here, in order.
    ///
    /// - Returns: at most `limit`, all after `after`; fewer only if there are no more.
    package func manifests(
        after: ManifestID?,
        limit: Int
    ) async throws(ChunkStoreError) -> [ManifestID] {
        try self.checkService()
        var manifests: [ManifestID] = []
        var last = after
        while manifests.count < limit, let next = try await self.index.manifest(after: last) {
            manifests.append(next)
            last = next
        }
        return manifests
    }
}

extension ChunkStore {
    /// - Throws: ``ChunkStoreError/failed(_:)`` once the store is out of service.
    func checkService() throws(ChunkStoreError) {
        if let failure = self.state.withLock({ $0.failure }) { throw .failed(failure) }
    }

    /// Takes the store out of service.
    func fail(_ reason: String) -> ChunkStoreError {
        self.state.withLock { $0.failure = $0.failure ?? reason }
        return .failed(reason)
    }

    /// The index row of a chunk.
    ///
    /// A damaged row takes the store out of service: the next opening makes the index anew from the
    /// volumes.
    func row(_ name: ChunkName) async throws(ChunkStoreError) -> IndexRow? {
        switch try await self.index.row(name) {
        case .absent: return nil
        case .row(let row): return row
        case .damaged: throw self.fail("index row of chunk \(name) is damaged")
        }
    }

    /// Waits until nobody else writes the chunk, then marks it as being written.
    func beginWriting(_ name: ChunkName) async {
        while true {
            let other: Eventual<Void>? = self.state.withLock { state in
                if let other = state.writing[name] { return other }
                state.writing[name] = Eventual()
                return nil
            }
            guard let other else { return }
            await other.value
        }
    }

    func endWriting(_ name: ChunkName) {
        self.state.withLock { $0.writing.removeValue(forKey: name) }?.fulfil(())
    }

    /// Enters a volume, so that its file stays open; nil if it is gone.
    func enter(_ number: UInt32) -> Volume? {
        self.state.withLock { state in
            let volume = state.volumes[number]
            volume?.users.enter()
            return volume
        }
    }

    /// - Returns: nil unless every block is what was written.
    func slice(
        _ row: IndexRow,
        _ blocks: Range<Int>,
        _ cache: CacheUse
    ) async -> ChunkSlice? {
        guard let volume = self.enter(row.place.volume) else { return nil }
        defer { volume.users.leave() }
        let stored = row.chunk.storedRange(ofBlocks: blocks)
        let start = RecordHeader.byteCount(row.chunk) + stored.lowerBound
        guard
            let bytes = try? await volume.file.read(
                stored.count,
                at: row.place.offset + UInt64(start),
                Self.cacheUse(cache, bytes: stored.count)
            ),
            let slice = try? ChunkSlice(
                header: ChunkSliceHeader(row.chunk, blocks: blocks),
                blocks: bytes
            ),
            (try? await self.verify(slice)) != nil
        else { return nil }
        return slice
    }

    /// Only what is long passes.
    static func cacheUse(_ wanted: CacheUse, bytes: Int) -> CacheUse {
        bytes < Self.passingBytes ? .kept : wanted
    }

    private func verify(_ slice: ChunkSlice) async throws(BlockError) {
        if slice.blocks.readableBytes <= Self.inlineBytes { return try slice.verify() }
        let result = await self.doors.workers.run { () -> Result<Void, BlockError> in
            do throws(BlockError) {
                return .success(try slice.verify())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// Whether the record is still on disk, header and all blocks.
    ///
    /// The header is not needed to read the chunk, but to find it again should the index be lost.
    func isSound(
        _ name: ChunkName,
        _ row: IndexRow
    ) async throws(ChunkStoreError) -> Bool {
        guard let volume = self.enter(row.place.volume) else { return false }
        defer { volume.users.leave() }
        let bytes = RecordHeader.byteCount(row.chunk)
        guard
            let header = try? await volume.file.read(bytes, at: row.place.offset),
            let found = try? RecordHeader(
                Array(header.readableBytesView),
                nonce: volume.nonce,
                offset: row.place.offset
            ),
            found.name == name, found.chunk == row.chunk
        else { return false }
        return await self.slice(row, 0..<row.chunk.table.count, .passing) != nil
    }
}
