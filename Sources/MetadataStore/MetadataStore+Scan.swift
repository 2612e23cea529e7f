import Register
import Runtime

extension MetadataStore {
    /// Register rows with `start <= key < end`, in the order of their keys, damaged ones included.
    ///
    /// - Returns: at most `limit` rows; fewer only if there are no more. A row may take 4 MiB: ask
    ///   for few where values are large.
    package func rows(
        from start: [UInt8],
        to end: [UInt8]?,
        limit: Int
    ) async throws(MetadataError) -> [StoredRow] {
        let rows = try await translated { () async throws(EngineError) in
            try await self.engine.scan(.rows, from: start, to: end, limit: limit)
        }
        return rows.map { StoredRow($0.key, $0.value) }
    }

    /// Rows whose value names dropped content (``RegisterValue/hasGarbage``), in the order of their
    /// keys.
    ///
    /// Finds them by their marks: the work does not grow with the number of other rows.
    ///
    /// - Returns: at most `limit` rows with keys after `after`. Fewer than `limit` does not mean
    ///   that there are no more; none does.
    package func garbage(
        after: [UInt8]?,
        limit: Int
    ) async throws(MetadataError) -> [StoredRow] {
        var start = GarbageRow.start(after: after)
        while true {
            let marks = try await translated { () async throws(EngineError) in
                try await self.engine.scan(
                    .partitions,
                    from: start,
                    to: GarbageRow.end,
                    limit: limit
                )
            }
            guard let last = marks.last else { return [] }
            let rows = try await self.marked(marks.map { GarbageRow.row(of: $0.key) })
            if !rows.isEmpty { return rows }
            start = last.key + [0]
        }
    }

    /// The rows behind marks.
    ///
    /// A row may have changed since its mark was read: then it is left out.
    private func marked(_ keys: [[UInt8]]) async throws(MetadataError) -> [StoredRow] {
        var rows: [StoredRow] = []
        for key in keys {
            let value = try await translated { () async throws(EngineError) in
                try await self.engine.get(.rows, key)
            }
            guard let value else { continue }
            let row = StoredRow(key, value)
            if case .row(let content) = row.content, !content.hasGarbage { continue }
            rows.append(row)
        }
        return rows
    }
}

extension StoredRow {
    fileprivate init(_ key: [UInt8], _ value: [UInt8]) {
        let row = try? AcceptorRow(sealed: value, under: key)
        self.init(key: key, content: row.map { .row($0) } ?? .corrupt)
    }
}
