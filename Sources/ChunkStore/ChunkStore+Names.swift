package import StoreModel

/// Which chunks are here, by the index alone: nothing of a volume is read.
extension ChunkStore {
    /// Index rows read at once.
    private static let pageRows = 512

    /// Those of the chunks that are not here, in the same order.
    package func missing(_ names: [ChunkName]) async throws(ChunkStoreError) -> [ChunkName] {
        try self.checkService()
        var missing: [ChunkName] = []
        for name in names where try await self.row(name) == nil { missing.append(name) }
        return missing
    }

    /// The chunks that are here, in order.
    ///
    /// - Returns: at most `limit`, all after `after`; fewer only if there are no more.
    package func names(
        after: ChunkName?,
        limit: Int
    ) async throws(ChunkStoreError) -> [ChunkName] {
        try self.checkService()
        var names: [ChunkName] = []
        var start = after.map { $0.encoded + [0] } ?? []
        while names.count < limit {
            let count = min(Self.pageRows, limit - names.count)
            let page = try await self.index.page(from: start, to: nil, limit: count)
            guard !page.isDamaged else { throw self.fail("a row of the chunk index is damaged") }
            names += page.rows.map(\.name)
            guard let last = page.last, page.rows.count == count else { break }
            start = last + [0]
        }
        return names
    }

    /// Whether a chunk is here and exactly as it was written: the record's header, which a rebuilt
    /// index needs, and every block.
    package func isIntact(_ name: ChunkName) async throws(ChunkStoreError) -> Bool {
        try self.checkService()
        guard let row = try await self.row(name) else { return false }
        return try await self.isSound(name, row)
    }
}
