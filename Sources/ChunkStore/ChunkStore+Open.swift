package import Runtime

extension ChunkStore {
    /// Opens the store of a directory; makes it if there is none.
    ///
    /// Completes the index with what the last process had written but not yet made durable there,
    /// erases what it had not finished, and punches again what it had dropped.
    ///
    /// Nobody else may use the engine's family `chunks`, nor keys from 0x80 on in `node`.
    ///
    /// `onSync` is told of each sync of a volume, with the number of writers that it served.
    ///
    /// - Complexity: reads the whole index and the ends of the volumes, at most
    ///   ``ChunkStoreSettings/checkpointBytes`` and the preallocated room of each.
    package static func open(
        disk: any Disk,
        engine: any KeyValueEngine,
        doors: Doors,
        settings: ChunkStoreSettings = ChunkStoreSettings(),
        onSync: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws(ChunkStoreError) -> ChunkStore {
        let index = ChunkIndex(engine: engine)
        var opening = Opening(disk: disk, index: index)
        try await opening.run()
        let state = State(opening, volumeBytes: settings.volumeBytes, doors.background) { file in
            GroupSync(file, onSync: onSync)
        }
        let store = ChunkStore(
            disk: disk,
            index: index,
            doors: doors,
            settings: settings,
            onSync: onSync,
            state: state
        )
        try await store.removeEmptyVolumes()
        return store
    }
}

extension ChunkStore.State {
    fileprivate init(
        _ opening: Opening,
        volumeBytes: UInt64,
        _ background: any Background,
        sync: (any DiskFile) -> GroupSync
    ) {
        self.init()
        self.statistics = opening.statistics
        for number in opening.volumes.keys.sorted() {
            guard let opened = opening.volumes[number] else { continue }
            let volume = Volume(
                header: opened.header,
                sync: sync(opened.file),
                end: opened.end,
                preallocated: opened.size,
                background: background
            )
            volume.added(records: opened.liveRecords, bytes: Int64(opened.liveBytes))
            self.volumes[number] = volume
            self.nextNumber = number + 1
            // The last volume is gone on with while there is room for a small record.
            let hasRoom = opened.end + UInt64(RecordHeader.alignment) <= volumeBytes
            self.active = hasRoom ? number : nil
        }
    }
}
