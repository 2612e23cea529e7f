import NIOCore
import Runtime
import StoreModel
import Synchronization
import Wire

/// Writing records.
extension ChunkStore {
    /// Appends a record, syncs it, and enters it in the index.
    ///
    /// `old` is the record that the new one stands in for: a damaged one, or, of a move, one that
    /// is well. A move of what is dropped meanwhile comes to nothing.
    func append(
        _ name: ChunkName,
        _ chunk: StoredChunk,
        replacing old: IndexRow?,
        _ cache: CacheUse,
        isMove: Bool = false
    ) async throws(ChunkStoreError) {
        let (volume, offset) = try await self.makeRoom(RecordHeader.recordBytes(chunk.header))
        defer { volume.users.leave() }
        let row = IndexRow(
            place: RecordPlace(volume: volume.number, offset: offset),
            chunk: chunk.header
        )
        do throws(ChunkStoreError) {
            try await self.writeRecord(name, chunk, in: volume, at: offset, cache)
            try await self.enter(name, row, in: volume, replacing: old, isMove: isMove)
        } catch {
            await self.abandon(row, in: volume)
            volume.settle(offset)
            throw error
        }
        volume.settle(offset)
        try await self.checkpointIfDue(volume)
    }

    /// Enters the record in the index and in the counts.
    private func enter(
        _ name: ChunkName,
        _ row: IndexRow,
        in volume: Volume,
        replacing old: IndexRow?,
        isMove: Bool
    ) async throws(ChunkStoreError) {
        guard let old else {
            try await self.index.enter(name, row, replacing: nil)
            return self.count(row, in: volume)
        }
        // A drop may have taken the old record meanwhile: each is erased once.
        try await self.dropping.run { () async throws(ChunkStoreError) in
            let isThere = try await self.row(name) == old
            guard isThere || !isMove else { return try await self.takeBack(row, in: volume) }
            try await self.index.enter(name, row, replacing: isThere ? old : nil)
            self.count(row, in: volume)
            if isThere { try await self.erase([old]) }
        }
    }

    /// Buries a record that never was in the index, so that no opening finds it either.
    private func takeBack(_ row: IndexRow, in volume: Volume) async throws(ChunkStoreError) {
        var batch = RowBatch()
        batch.bury(row)
        try await self.index.commit(batch, durable: true)
        self.count(row, in: volume)
        try await self.erase([row])
    }

    private func count(_ row: IndexRow, in volume: Volume) {
        volume.added(records: 1, bytes: Int64(row.recordBytes))
        self.state.withLock { state in
            state.statistics.chunks += 1
            state.statistics.chunksWritten += 1
            state.statistics.recordBytes += row.recordBytes
        }
    }

    /// Body bytes go from the caller's buffer to the file: they are not copied.
    private func writeRecord(
        _ name: ChunkName,
        _ chunk: StoredChunk,
        in volume: Volume,
        at offset: UInt64,
        _ cache: CacheUse
    ) async throws(ChunkStoreError) {
        let header = RecordHeader(
            nonce: volume.nonce,
            offset: offset,
            name: name,
            chunk: chunk.header
        )
        try await onDisk { () async throws(DiskError) in
            try await volume.file.write(
                [ByteBuffer(bytes: header.encoded), chunk.blocks],
                at: offset,
                Self.cacheUse(cache, bytes: chunk.blocks.readableBytes)
            )
        }
        try await self.sync(volume)
    }

    /// Shares a sync with everybody who has written to the volume; a failure is for good.
    func sync(_ volume: Volume) async throws(ChunkStoreError) {
        do throws(DiskError) {
            try await volume.sync.run()
        } catch {
            throw self.fail("sync of volume \(volume.number): \(error)")
        }
    }

    /// Gives back the space of a record that came to nothing.
    ///
    /// If that fails the next opening may find the record whole, which is harmless: it is what was
    /// to be written.
    private func abandon(_ row: IndexRow, in volume: Volume) async {
        try? await volume.file.punchHole(at: row.place.offset, count: row.recordBytes)
    }

    /// Remembers how far the index is durable, every ``ChunkStoreSettings/checkpointBytes``.
    private func checkpointIfDue(_ volume: Volume) async throws(ChunkStoreError) {
        let bytes = self.settings.checkpointBytes
        guard let checkpoint = volume.dueCheckpoint(after: bytes) else { return }
        volume.madeCheckpoint(checkpoint)
        try await self.index.checkpoint([volume.number: VolumeRow(volume, checkpoint: checkpoint)])
    }

    /// Finds the place of a record of so many bytes, in a volume that is entered for the caller.
    private func makeRoom(_ bytes: Int) async throws(ChunkStoreError) -> (Volume, UInt64) {
        let bytes = UInt64(bytes)
        precondition(bytes + UInt64(VolumeHeader.byteCount) <= self.settings.volumeBytes)
        return try await self.allocation.run { () async throws(ChunkStoreError) in
            try self.checkService()
            var active = self.state.withLock { state in
                state.active.flatMap { state.volumes[$0] }
            }
            if let volume = active, volume.end + bytes > self.settings.volumeBytes { active = nil }
            let volume: Volume
            if let active { volume = active } else { volume = try await self.addVolume() }
            try await self.preallocate(volume.end + bytes, in: volume)
            volume.users.enter()
            return (volume, volume.begin(bytes: bytes))
        }
    }

    /// Makes room up to `needed` at least, and ahead of that while the disk has plenty.
    private func preallocate(
        _ needed: UInt64,
        in volume: Volume
    ) async throws(ChunkStoreError) {
        let present = volume.preallocated
        guard needed > present else { return }
        let ahead = min(
            max(needed, present + self.settings.preallocationBytes),
            self.settings.volumeBytes
        )
        let free = try await self.freeBytes()
        let size = free >= self.settings.reserveBytes + (ahead - present) ? ahead : needed
        guard free >= self.settings.reserveBytes + (size - present) else { throw .full }
        try await onDisk { () async throws(DiskError) in
            try await volume.file.preallocate(to: size)
        }
        volume.made(roomTo: size)
    }

    private func freeBytes() async throws(ChunkStoreError) -> UInt64 {
        try await onDisk { () async throws(DiskError) in try await self.disk.space().freeBytes }
    }

    /// Begins a new volume.
    ///
    /// Its header is durable before any record is.
    private func addVolume() async throws(ChunkStoreError) -> Volume {
        let smallest = UInt64(VolumeHeader.byteCount)
        guard try await self.freeBytes() >= self.settings.reserveBytes + smallest else {
            throw .full
        }
        let number = self.state.withLock { state in
            defer { state.nextNumber += 1 }
            return state.nextNumber
        }
        let header = VolumeHeader(number: number, nonce: self.doors.random.next())
        let file = try await onDisk { () async throws(DiskError) in
            let file = try await self.disk.open(VolumeHeader.fileName(number))
            try await file.preallocate(to: smallest)
            try await file.write([ByteBuffer(bytes: header.encoded)], at: 0)
            return file
        }
        let volume = Volume(
            header: header,
            sync: GroupSync(file, onSync: self.onSync),
            end: smallest,
            preallocated: smallest,
            background: self.doors.background
        )
        try await self.sync(volume)
        try await self.index.enter(number, VolumeRow(volume, checkpoint: smallest))
        let full = self.state.withLock { state in
            let full = state.active.flatMap { state.volumes[$0] }
            state.volumes[number] = volume
            state.active = number
            return full
        }
        // All of the full volume becomes durable in the index with its last record's checkpoint.
        if let full { try await self.checkpointAll(of: full) }
        return volume
    }

    private func checkpointAll(of volume: Volume) async throws(ChunkStoreError) {
        guard let checkpoint = volume.dueCheckpoint(after: 0) else { return }
        volume.madeCheckpoint(checkpoint)
        try await self.index.checkpoint([volume.number: VolumeRow(volume, checkpoint: checkpoint)])
    }

    /// Makes the whole index durable, so that the next opening has nothing to read again.
    ///
    /// Calls after this, or under way, are the caller's mistake to avoid.
    package func close() async throws(ChunkStoreError) {
        let volumes = self.state.withLock { state in
            state.volumes.values.sorted { $0.number < $1.number }
        }
        try self.checkService()
        for volume in volumes { try await self.checkpointAll(of: volume) }
        _ = self.fail("closed")
        for volume in volumes { volume.users.leave() }
    }
}

extension VolumeRow {
    init(_ volume: Volume, checkpoint: UInt64) {
        self.init(nonce: volume.nonce, checkpoint: checkpoint)
    }
}
