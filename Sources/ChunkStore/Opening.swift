import NIOCore
import Runtime
import StoreModel
import Wire

/// The work of opening a store: what the volumes hold, what the index knows, and the difference.
struct Opening {
    struct OpenedVolume {
        let header: VolumeHeader
        let file: any DiskFile
        let size: UInt64
        /// Index rows of records before this are durable.
        var checkpoint: UInt64
        /// Where the next record begins.
        var end: UInt64
        var liveRecords = 0
        var liveBytes: UInt64 = 0
        /// Extents from the checkpoint on that need no scan.
        var known: [UInt64: UInt64] = [:]
        /// Extents to punch.
        var holes: [Volume.Extent] = []
    }

    private static let pageRows = 1_000

    let disk: any Disk
    let index: ChunkIndex
    private(set) var volumes: [UInt32: OpenedVolume] = [:]
    private(set) var statistics = ChunkStatistics()
    /// What the last commit changes: checkpoints, and rows that have had their day.
    private var changes = RowBatch()

    init(disk: any Disk, index: ChunkIndex) {
        self.disk = disk
        self.index = index
    }

    mutating func run() async throws(ChunkStoreError) {
        try await self.openVolumes()
        try await self.readTombstones()
        if try await !self.readIndex() { try await self.clearIndex() }
        for number in self.volumes.keys.sorted() { try await self.scan(number) }
        for number in self.volumes.keys.sorted() { try await self.punch(number) }
        try await self.index.commit(self.changes, durable: true)
    }

    // MARK: Volumes

    private mutating func openVolumes() async throws(ChunkStoreError) {
        var rows = try await self.volumeRows()
        let names = try await onDisk { () async throws(DiskError) in try await self.disk.list() }
        for name in names {
            guard let number = VolumeHeader.number(ofFile: name) else { continue }
            let row = rows.removeValue(forKey: number)
            guard let volume = try await self.open(name, number, row) else { continue }
            self.volumes[number] = volume
        }
        for number in rows.keys.sorted() { self.changes.delete(.node, ChunkKey.volume(number)) }
    }

    /// The rows of volumes.
    ///
    /// A damaged one is left out: its volume is then scanned from the start.
    private func volumeRows() async throws(ChunkStoreError) -> [UInt32: VolumeRow] {
        var rows: [UInt32: VolumeRow] = [:]
        var start = ChunkKey.volumes
        while true {
            let page = try await onEngine { () async throws(EngineError) in
                try await self.index.engine.scan(
                    .node,
                    from: start,
                    to: ChunkKey.tombstones,
                    limit: Self.pageRows
                )
            }
            for (key, value) in page {
                guard let number = try? ChunkKey.volumeNumber(of: key) else { continue }
                rows[number] = try? VolumeRow(sealed: value, under: key)
            }
            guard page.count == Self.pageRows, let last = page.last else { return rows }
            start = last.key + [0]
        }
    }

    /// - Returns: nil if the volume was never finished being made; its file is removed.
    private func open(
        _ name: String,
        _ number: UInt32,
        _ row: VolumeRow?
    ) async throws(ChunkStoreError) -> OpenedVolume? {
        let (file, size, bytes) = try await onDisk { () async throws(DiskError) in
            let file = try await self.disk.open(name)
            let size = try await file.size()
            let count = min(Int(size), VolumeHeader.encodedBytes)
            return (file, size, try await file.read(count, at: 0))
        }
        let first = UInt64(VolumeHeader.byteCount)
        func opened(_ header: VolumeHeader, checkpoint: UInt64?) -> OpenedVolume {
            let start = max(first, checkpoint ?? first)
            return OpenedVolume(
                header: header,
                file: file,
                size: size,
                checkpoint: start,
                end: start
            )
        }
        if let header = try? VolumeHeader(Array(bytes.readableBytesView)), header.number == number {
            // A row with another nonce is of an earlier volume of that number.
            return opened(header, checkpoint: row?.nonce == header.nonce ? row?.checkpoint : nil)
        }
        if let row {
            let header = VolumeHeader(number: number, nonce: row.nonce)
            try await onDisk { () async throws(DiskError) in
                try await file.write([ByteBuffer(bytes: header.encoded)], at: 0)
                try await file.sync()
            }
            return opened(header, checkpoint: row.checkpoint)
        }
        // The header is durable before room for records is made.
        guard size <= first else { throw .failed("\(name) has no readable header") }
        try await onDisk { () async throws(DiskError) in
            await file.close()
            try await self.disk.remove(name)
        }
        return nil
    }

    // MARK: Index

    /// Marks what was dropped to be punched again, and not to be found.
    private mutating func readTombstones() async throws(ChunkStoreError) {
        var start = ChunkKey.tombstones
        while true {
            let page = try await onEngine { () async throws(EngineError) in
                try await self.index.engine.scan(
                    .node,
                    from: start,
                    to: ChunkKey.tombstonesEnd,
                    limit: Self.pageRows
                )
            }
            for (key, value) in page {
                guard let place = try? ChunkKey.place(ofTombstone: key) else {
                    throw .failed("the key of a tombstone is damaged")
                }
                // Without the first page there is no record; the rest goes with the volume.
                let tombstone = try? Tombstone(sealed: value, under: key)
                self.bury(place, bytes: tombstone?.bytes ?? UInt64(RecordHeader.alignment))
                self.changes.delete(.node, key)
            }
            guard page.count == Self.pageRows, let last = page.last else { return }
            start = last.key + [0]
        }
    }

    private mutating func bury(_ place: RecordPlace, bytes: UInt64) {
        self.volumes[place.volume]?.known[place.offset] = bytes
        self.volumes[place.volume]?.holes.append(place.offset..<(place.offset + bytes))
    }

    /// Counts the index's chunks and notes those that lie behind the checkpoints.
    ///
    /// - Returns: false if a row is damaged: then nothing is known.
    private mutating func readIndex() async throws(ChunkStoreError) -> Bool {
        var start: [UInt8] = []
        while true {
            let page = try await self.index.page(from: start, to: nil, limit: Self.pageRows)
            if page.isDamaged { return false }
            for (name, row) in page.rows { self.note(name, row) }
            guard let last = page.last else { return true }
            start = last + [0]
        }
    }

    private mutating func note(_ name: ChunkName, _ row: IndexRow) {
        let place = row.place
        guard let volume = self.volumes[place.volume] else {
            // The volume's file is gone, and the chunk with it: other nodes have it.
            return self.changes.delete(.chunks, name.encoded)
        }
        self.count(row)
        if place.offset >= volume.checkpoint {
            self.volumes[place.volume]?.known[place.offset] = row.recordBytes
        }
    }

    private mutating func count(_ row: IndexRow) {
        self.volumes[row.place.volume]?.liveRecords += 1
        self.volumes[row.place.volume]?.liveBytes += row.recordBytes
        self.statistics.chunks += 1
        self.statistics.recordBytes += row.recordBytes
    }

    /// Forgets the index, so that it is made anew from all records of all volumes.
    private mutating func clearIndex() async throws(ChunkStoreError) {
        // First of all the checkpoints: should this not come to its end, the next opening goes on.
        var batch = RowBatch()
        for number in self.volumes.keys.sorted() { self.restart(number, &batch) }
        try await self.index.commit(batch, durable: true)
        while true {
            let page = try await onEngine { () async throws(EngineError) in
                try await self.index.engine.scan(.chunks, from: [], to: nil, limit: Self.pageRows)
            }
            if page.isEmpty { break }
            var batch = RowBatch()
            for (key, _) in page { batch.delete(.chunks, key) }
            try await self.index.commit(batch, durable: false)
        }
        self.statistics = ChunkStatistics()
        self.changes = RowBatch()
        try await self.readTombstones()
    }

    /// Takes everything in a volume as unknown.
    private mutating func restart(_ number: UInt32, _ batch: inout RowBatch) {
        guard var volume = self.volumes[number] else { return }
        volume.checkpoint = UInt64(VolumeHeader.byteCount)
        volume.end = volume.checkpoint
        volume.liveRecords = 0
        volume.liveBytes = 0
        volume.known = [:]
        volume.holes = []
        self.volumes[number] = volume
        batch.put(number, VolumeRow(nonce: volume.header.nonce, checkpoint: volume.checkpoint))
    }

    // MARK: Differences

    private mutating func scan(_ number: UInt32) async throws(ChunkStoreError) {
        guard var volume = self.volumes[number] else { return }
        var scan = VolumeScan(
            file: volume.file,
            header: volume.header,
            from: volume.checkpoint,
            size: volume.size,
            known: volume.known
        )
        do throws(DiskError) {
            try await scan.run()
        } catch {
            throw ChunkStoreError(error)
        }
        volume.end = max(volume.checkpoint, scan.end)
        volume.holes += scan.torn
        self.volumes[number] = volume
        self.statistics.recordsTorn += scan.torn.count
        for page in stride(from: 0, to: scan.found.count, by: Self.pageRows) {
            let end = min(page + Self.pageRows, scan.found.count)
            try await self.enter(scan.found[page..<end])
        }
        self.changes.put(
            number,
            VolumeRow(nonce: volume.header.nonce, checkpoint: volume.end)
        )
    }

    /// Enters records in the index; one whose chunk is there already is a leftover.
    private mutating func enter(
        _ found: ArraySlice<VolumeScan.Found>
    ) async throws(ChunkStoreError) {
        var batch = RowBatch()
        var entered: Set<ChunkName> = []
        for record in found {
            let isNew = entered.insert(record.name).inserted
            guard isNew, try await self.index.row(record.name) == .absent else {
                self.bury(record.row.place, bytes: record.row.recordBytes)
                continue
            }
            batch.put(record.name, record.row)
            self.count(record.row)
            self.statistics.chunksRecovered += 1
        }
        try await self.index.commit(batch, durable: false)
    }

    /// Erases what is buried or torn.
    ///
    /// Until that is durable the rows that tell of it stay.
    private func punch(_ number: UInt32) async throws(ChunkStoreError) {
        guard let volume = self.volumes[number], !volume.holes.isEmpty else { return }
        try await onDisk { () async throws(DiskError) in
            for hole in volume.holes {
                try await volume.file.punchHole(
                    at: hole.lowerBound,
                    count: hole.upperBound - hole.lowerBound
                )
            }
            try await volume.file.sync()
        }
    }
}
