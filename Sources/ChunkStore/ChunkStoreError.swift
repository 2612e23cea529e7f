package import Runtime
package import Wire

/// Why a chunk could not be written, read or dropped.
package enum ChunkStoreError: Error, Hashable, Sendable {
    /// No space but the reserve, which is for drops and metadata.
    ///
    /// Nothing was written.
    case full
    /// The store is out of service for good: a sync failed, or the index is damaged.
    ///
    /// What was being written may or may not be on disk.
    case failed(String)
    case notFound
    /// The bytes on disk are not those that were written; none of them is given out.
    case damaged
    /// The chunk has no such blocks.
    case noSuchBlocks(Range<Int>)
    /// The chunk that was to be written does not fit its own checksums.
    ///
    /// Nothing was written.
    case refused(BlockError)

    package init(_ error: EngineError) {
        self =
            switch error {
            case .full: .full
            case .failed(let text): .failed(text)
            }
    }

    package init(_ error: DiskError) {
        self =
            switch error {
            case .full: .full
            case .syncFailed(let text): .failed(text)
            case .notFound, .shortRead, .failed: .failed("\(error)")
            }
    }
}

/// Calls the engine, with its errors as ours.
func onEngine<Value>(
    _ body: () async throws(EngineError) -> Value
) async throws(ChunkStoreError) -> Value {
    do throws(EngineError) {
        return try await body()
    } catch {
        throw ChunkStoreError(error)
    }
}

/// Calls the disk, with its errors as ours.
func onDisk<Value>(
    _ body: () async throws(DiskError) -> Value
) async throws(ChunkStoreError) -> Value {
    do throws(DiskError) {
        return try await body()
    } catch {
        throw ChunkStoreError(error)
    }
}
