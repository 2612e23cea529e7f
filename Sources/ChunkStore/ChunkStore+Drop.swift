import Runtime
package import StoreModel
import Synchronization

/// Dropping chunks, and giving their space back.
extension ChunkStore {
    /// Chunks dropped at once.
    private static let pageRows = 512

    /// Drops the chunks of a manifest that are in none of the runs; durable on return.
    ///
    /// Waits for writes of the manifest's chunks that are under way. Their space is free on return,
    /// but for the rest of a 4 KiB page.
    ///
    /// - Returns: the number of chunks dropped; 0 if there were none.
    package func drop(
        _ manifest: ManifestID,
        keeping kept: [SegmentRun] = []
    ) async throws(ChunkStoreError) -> Int {
        try self.checkService()
        await self.waitForWriters(of: manifest)
        let kept = KeptChunks(kept)
        return try await self.dropping.run { () async throws(ChunkStoreError) in
            var dropped = 0
            var start = manifest.encoded
            let end = ChunkKey.end(ofPrefix: start)
            while true {
                let page = try await self.index.page(from: start, to: end, limit: Self.pageRows)
                guard !page.isDamaged else {
                    throw self.fail("index row of a chunk of manifest \(manifest) is damaged")
                }
                guard let last = page.last else { return dropped }
                start = last + [0]
                let rows = page.rows.filter { !kept.contains($0.name) }
                guard !rows.isEmpty else { continue }
                try await self.index.drop(rows)
                dropped += rows.count
                self.state.withLock { $0.statistics.chunksDropped += rows.count }
                try await self.erase(rows.map(\.row))
            }
        }
    }

    /// Drops some chunks; durable on return.
    ///
    /// Waits for writes of those chunks that are under way.
    ///
    /// - Returns: the number of chunks dropped: those that were there.
    package func drop(_ names: [ChunkName]) async throws(ChunkStoreError) -> Int {
        try self.checkService()
        for name in names {
            await self.state.withLock { $0.writing[name] }?.value
        }
        return try await self.dropping.run { () async throws(ChunkStoreError) in
            var rows: [(name: ChunkName, row: IndexRow)] = []
            for name in Set(names).sorted() {
                guard let row = try await self.row(name) else { continue }
                rows.append((name: name, row: row))
            }
            guard !rows.isEmpty else { return 0 }
            try await self.index.drop(rows)
            self.state.withLock { $0.statistics.chunksDropped += rows.count }
            try await self.erase(rows.map(\.row))
            return rows.count
        }
    }

    private func waitForWriters(of manifest: ManifestID) async {
        let writers = self.state.withLock { state in
            state.writing.filter { $0.key.manifest == manifest }.sorted { $0.key < $1.key }
        }
        for writer in writers { await writer.value.value }
    }

    /// Punches holes where records were that have tombstones, then erases the tombstones.
    ///
    /// A crash in between leaves the tombstones: the next opening punches again.
    func erase(_ rows: [IndexRow]) async throws(ChunkStoreError) {
        self.state.withLock { state in
            state.statistics.chunks -= rows.count
            state.statistics.recordBytes -= rows.reduce(0) { $0 + $1.recordBytes }
        }
        let places = rows.sorted { $0.place < $1.place }
        var start = places.startIndex
        while start < places.endIndex {
            let number = places[start].place.volume
            let end = places[start...].firstIndex { $0.place.volume != number } ?? places.endIndex
            if let volume = self.enter(number) {
                defer { volume.users.leave() }
                try await self.erase(places[start..<end], in: volume)
            }
            start = end
        }
        try await self.removeEmptyVolumes()
    }

    private func erase(
        _ rows: ArraySlice<IndexRow>,
        in volume: Volume
    ) async throws(ChunkStoreError) {
        for extent in Self.joined(rows) {
            try await onDisk { () async throws(DiskError) in
                try await volume.file.punchHole(
                    at: extent.lowerBound,
                    count: extent.upperBound - extent.lowerBound
                )
            }
        }
        try await self.sync(volume)
        try await self.index.eraseTombstones(rows.map(\.place))
        let bytes = rows.reduce(0) { $0 + Int64($1.recordBytes) }
        volume.added(records: -rows.count, bytes: -bytes)
    }

    /// The extents of records, neighbours joined into one.
    static func joined(_ rows: ArraySlice<IndexRow>) -> [Volume.Extent] {
        var extents: [Volume.Extent] = []
        for row in rows {
            let extent = row.place.offset..<(row.place.offset + row.recordBytes)
            if let last = extents.last, last.upperBound == extent.lowerBound {
                extents[extents.count - 1] = last.lowerBound..<extent.upperBound
            } else {
                extents.append(extent)
            }
        }
        return extents
    }

    /// Removes the files of volumes in which nothing is left and nothing will be written.
    func removeEmptyVolumes() async throws(ChunkStoreError) {
        try await self.allocation.run { () async throws(ChunkStoreError) in
            let empty = self.state.withLock { state in
                let empty = state.volumes.values.filter {
                    $0.isEmpty && $0.number != state.active
                }
                for volume in empty {
                    state.volumes[volume.number] = nil
                    state.formerSyncs += volume.sync.count
                }
                return empty.sorted { $0.number < $1.number }
            }
            for volume in empty {
                volume.users.leave()
                try await onDisk { () async throws(DiskError) in
                    try await self.disk.remove(VolumeHeader.fileName(volume.number))
                }
                try await self.index.remove(volume.number)
            }
        }
    }
}
