import Runtime
import StoreModel
import Wire

/// The store's rows in the engine: where chunks are, how far volumes are indexed, what was dropped.
///
/// The engine keeps its batches in order. So whatever was committed before a durable batch is
/// durable with it: a checkpoint makes the index rows before it durable, a drop its chunks' rows.
struct ChunkIndex: Sendable {
    enum Found: Hashable, Sendable {
        case absent
        case row(IndexRow)
        case damaged
    }

    struct Page: Sendable {
        var rows: [(name: ChunkName, row: IndexRow)] = []
        /// A row could not be read.
        var isDamaged = false
        /// The key of the last row.
        var last: [UInt8]?
    }

    let engine: any KeyValueEngine

    func row(_ name: ChunkName) async throws(ChunkStoreError) -> Found {
        let key = name.encoded
        let value = try await onEngine { () async throws(EngineError) in
            try await self.engine.get(.chunks, key)
        }
        guard let value else { return .absent }
        guard let row = try? IndexRow(sealed: value, under: key) else { return .damaged }
        return .row(row)
    }

    /// The first manifest after another that has chunks.
    func manifest(after: ManifestID?) async throws(ChunkStoreError) -> ManifestID? {
        var start: [UInt8] = []
        if let after {
            guard let end = ChunkKey.end(ofPrefix: after.encoded) else { return nil }
            start = end
        }
        let rows = try await onEngine { () async throws(EngineError) in
            try await self.engine.scan(.chunks, from: start, to: nil, limit: 1)
        }
        guard let key = rows.first?.key else { return nil }
        guard let name = try? ChunkName(decoding: key) else {
            throw .failed("a key of the chunk index is no chunk name")
        }
        return name.manifest
    }

    func page(
        from start: [UInt8],
        to end: [UInt8]?,
        limit: Int
    ) async throws(ChunkStoreError) -> Page {
        let rows = try await onEngine { () async throws(EngineError) in
            try await self.engine.scan(.chunks, from: start, to: end, limit: limit)
        }
        var page = Page(last: rows.last?.key)
        for (key, value) in rows {
            guard
                let name = try? ChunkName(decoding: key),
                let row = try? IndexRow(sealed: value, under: key)
            else {
                page.isDamaged = true
                continue
            }
            page.rows.append((name: name, row: row))
        }
        return page
    }

    /// Enters a chunk, and buries the record that it replaces.
    func enter(
        _ name: ChunkName,
        _ row: IndexRow,
        replacing old: IndexRow?
    ) async throws(ChunkStoreError) {
        var batch = RowBatch()
        batch.put(name, row)
        if let old { batch.bury(old) }
        try await self.commit(batch, durable: old != nil)
    }

    func enter(_ number: UInt32, _ row: VolumeRow) async throws(ChunkStoreError) {
        var batch = RowBatch()
        batch.put(number, row)
        try await self.commit(batch, durable: false)
    }

    /// Makes all that was committed before durable, and remembers where volumes stand.
    func checkpoint(_ rows: [UInt32: VolumeRow]) async throws(ChunkStoreError) {
        var batch = RowBatch()
        for (number, row) in rows.sorted(by: { $0.key < $1.key }) { batch.put(number, row) }
        try await self.commit(batch, durable: true)
    }

    /// Takes chunks out of the index and buries their records, durably.
    func drop(_ rows: [(name: ChunkName, row: IndexRow)]) async throws(ChunkStoreError) {
        var batch = RowBatch()
        for (name, row) in rows {
            batch.delete(.chunks, name.encoded)
            batch.bury(row)
        }
        try await self.commit(batch, durable: true)
    }

    func eraseTombstones(_ places: [RecordPlace]) async throws(ChunkStoreError) {
        var batch = RowBatch()
        for place in places { batch.delete(.node, ChunkKey.tombstone(place)) }
        try await self.commit(batch, durable: false)
    }

    func remove(_ number: UInt32) async throws(ChunkStoreError) {
        var batch = RowBatch()
        batch.delete(.node, ChunkKey.volume(number))
        try await self.commit(batch, durable: false)
    }

    func commit(_ batch: RowBatch, durable: Bool) async throws(ChunkStoreError) {
        try await onEngine { () async throws(EngineError) in
            try await self.engine.commit(batch, durable: durable)
        }
    }
}

extension RowBatch {
    mutating func put(_ name: ChunkName, _ row: IndexRow) {
        let key = name.encoded
        self.put(.chunks, key, row.sealed(under: key))
    }

    mutating func put(_ number: UInt32, _ row: VolumeRow) {
        let key = ChunkKey.volume(number)
        self.put(.node, key, row.sealed(under: key))
    }

    mutating func bury(_ row: IndexRow) {
        let key = ChunkKey.tombstone(row.place)
        self.put(.node, key, Tombstone(bytes: row.recordBytes).sealed(under: key))
    }
}
