import NIOCore
import Runtime
import StoreModel
import Synchronization
import Wire

/// Emptying volumes of which little is alive.
///
/// Holes give the space of dropped chunks back at once; what is left over in the end are files that
/// keep a few chunks each. Those are appended to the present volume, one by one, and each takes the
/// place of the old record in the way that a new record takes a damaged one's: written and synced,
/// then entered together with a tombstone for the old one, then punched out. So a crash at any
/// point leaves the chunk readable, and nothing behind.
extension ChunkStore {
    /// A volume is sparse if less than 1 / this of it is alive.
    private static let sparseDivisor: UInt64 = 4
    private static let windowBytes = 1 << 20

    /// Whether ``emptySparseVolumes()`` has something to do.
    package var hasSparseVolume: Bool { self.nextSparse() != nil }

    /// Moves what is alive out of sparse volumes, and removes their files.
    ///
    /// Stops without a word when the disk is full. Damaged chunks stay where they are, and their
    /// volume with them, until they have been replaced.
    ///
    /// - Returns: the number of volumes that are gone.
    package func emptySparseVolumes() async throws(ChunkStoreError) -> Int {
        try await self.emptying.run { () async throws(ChunkStoreError) in
            var emptied = 0
            while let number = self.nextSparse(), let volume = self.enter(number) {
                defer { volume.users.leave() }
                do throws(ChunkStoreError) {
                    try await self.empty(volume)
                } catch {
                    guard error == .full else { throw error }
                    return emptied
                }
                try await self.removeEmptyVolumes()
                // What is left is damaged: another try only makes sense when less is.
                if volume.tried() > 0 { continue }
                emptied += 1
            }
            return emptied
        }
    }

    /// A sparse volume that is worth a try.
    private func nextSparse() -> UInt32? {
        self.state.withLock { state in
            let sparse = state.volumes.values.filter {
                $0.number != state.active && $0.isSparse(divisor: Self.sparseDivisor)
            }
            return sparse.map(\.number).min()
        }
    }

    /// Goes through the records of a volume, by their headers: the index is in another order.
    private func empty(_ volume: Volume) async throws(ChunkStoreError) {
        var position = UInt64(VolumeHeader.byteCount)
        while position < volume.end {
            let count = min(Self.windowBytes, Int(volume.end - position))
            let at = position
            guard let window = try? await volume.file.read(count, at: at) else { return }
            position = try await self.moveRecords(in: window, at: position, of: volume)
        }
    }

    /// - Returns: where to go on.
    private func moveRecords(
        in window: ByteBuffer,
        at start: UInt64,
        of volume: Volume
    ) async throws(ChunkStoreError) -> UInt64 {
        var offset = 0
        while offset < window.readableBytes {
            let position = start + UInt64(offset)
            guard let header = Self.header(in: window, at: offset, position, volume) else {
                offset += RecordHeader.alignment
                continue
            }
            let place = RecordPlace(volume: volume.number, offset: position)
            if let row = try await self.row(header.name), row.place == place {
                try await self.move(header.name, from: row)
            }
            offset += RecordHeader.recordBytes(header.chunk)
        }
        return start + UInt64(offset)
    }

    private static func header(
        in window: ByteBuffer,
        at offset: Int,
        _ position: UInt64,
        _ volume: Volume
    ) -> RecordHeader? {
        let start = window.readerIndex + offset
        guard window.getInteger(at: start, as: UInt32.self) == RecordHeader.magic else {
            return nil
        }
        let count = min(RecordHeader.alignment, window.readableBytes - offset)
        guard let page = window.getBytes(at: start, length: count) else { return nil }
        return try? RecordHeader(page, nonce: volume.nonce, offset: position)
    }

    /// Appends a chunk once more, and lets go of where it was.
    private func move(_ name: ChunkName, from row: IndexRow) async throws(ChunkStoreError) {
        let bytes = RecordHeader.recordBytes(row.chunk)
        await self.budget.take(bytes)
        defer { self.budget.release(bytes) }
        await self.beginWriting(name)
        defer { self.endWriting(name) }
        guard
            try await self.row(name) == row,
            let slice = await self.slice(row, 0..<row.chunk.table.count, .passing),
            let chunk = try? StoredChunk(header: row.chunk, blocks: slice.blocks)
        else { return }
        try await self.append(name, chunk, replacing: row, .passing, isMove: true)
    }
}
