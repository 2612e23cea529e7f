import Register
package import Runtime
import StoreModel
import Synchronization
import Wire

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
        var stored: [StoredRow] = []
        for (key, value) in rows { stored.append(try await self.stored(key, value)) }
        return stored
    }

    /// Walks over the rows with `start <= key < end` in order, damaged ones included.
    ///
    /// `passes` is asked first, with nothing but a key, and answers nil for a row that is wanted;
    /// only such a row is read, and shown to `visit`. Neither may block.
    ///
    /// - Returns: the state in the end, which begins as `state`.
    package func walk<State: Sendable>(
        from start: [UInt8],
        to end: [UInt8]?,
        _ state: State,
        passes: @escaping @Sendable (inout State, RawSpan) -> WalkStep?,
        visit: @escaping @Sendable (inout State, StoredRow) -> WalkStep
    ) async throws(MetadataError) -> State {
        var walk = RowWalk(state: state, next: start)
        while let next = walk.next {
            if let end, !next.lexicographicallyPrecedes(end) { break }
            walk.next = nil
            let begun = walk
            walk = try await translated { () async throws(EngineError) in
                try await self.engine.walk(.rows, from: next, to: end, begun) { walk, key, value in
                    if let step = passes(&walk.state, key) { return step }
                    guard let row = self.completeRow(Array(key), Array(value)) else {
                        walk.unfinished = (Array(key), Array(value))
                        return .stop
                    }
                    return visit(&walk.state, row)
                }
            }
            guard let (key, value) = walk.unfinished else { break }
            walk.unfinished = nil
            switch visit(&walk.state, try await self.stored(key, value)) {
            case .next: walk.next = key + [0]
            case .seek(let next): walk.next = next
            case .stop: break
            }
        }
        return walk.state
    }

    /// What a walk over rows has come to.
    private struct RowWalk<State: Sendable>: Sendable {
        var state: State
        /// Where it goes on; nil at the end.
        var next: [UInt8]?
        /// A row with a tail, which is read by itself.
        var unfinished: (key: [UInt8], value: [UInt8])?
    }

    /// The row, if it has no tail.
    private func completeRow(_ key: [UInt8], _ value: [UInt8]) -> StoredRow? {
        guard let row = try? AcceptorRow(sealed: value, under: key) else {
            return self.damaged(key)
        }
        return row.value?.tail == nil ? StoredRow(key: key, content: .row(row)) : nil
    }

    /// Rows whose value is a tombstone with a round below `round`, in order of those rounds.
    ///
    /// Finds them by their marks, as ``garbage(after:limit:)`` does; damaged rows are left out.
    ///
    /// - Returns: at most `limit` rows behind `after`, a round and a row; none if there are no
    ///   more.
    package func tombstones(
        before round: UInt64,
        after: (round: UInt64, row: [UInt8])?,
        limit: Int
    ) async throws(MetadataError) -> [StoredRow] {
        try await self.marked(
            from: after.map { TombstoneRow.key(of: $0.row, round: $0.round) + [0] }
                ?? TombstoneRow.start,
            to: TombstoneRow.start(of: round),
            limit: limit,
            row: TombstoneRow.row
        ) { content in
            if case .row(let row) = content { return row.isTombstone }
            return false
        }
    }

    /// Keys of rows that were found damaged and have not been repaired, sorted.
    package var damagedRows: [[UInt8]] {
        self.stored.withLock { $0.damaged }.sorted { $0.lexicographicallyPrecedes($1) }
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
        try await self.marked(
            from: GarbageRow.start(after: after),
            to: GarbageRow.end,
            limit: limit,
            row: GarbageRow.row
        ) { content in
            if case .row(let row) = content { return row.hasGarbage }
            return true
        }
    }

    /// The rows behind marks in a range.
    ///
    /// A row may have changed since its mark was read: then it is left out.
    private func marked(
        from start: [UInt8],
        to end: [UInt8],
        limit: Int,
        row: ([UInt8]) -> [UInt8],
        where isWanted: (StoredRow.Content) -> Bool
    ) async throws(MetadataError) -> [StoredRow] {
        var start = start
        while true {
            let marks = try await translated { () async throws(EngineError) in
                try await self.engine.scan(.partitions, from: start, to: end, limit: limit)
            }
            guard let last = marks.last else { return [] }
            var rows: [StoredRow] = []
            for mark in marks {
                let key = row(mark.key)
                guard let value = try await self.value(of: key) else { continue }
                let stored = try await self.stored(key, value)
                if isWanted(stored.content) { rows.append(stored) }
            }
            if !rows.isEmpty { return rows }
            start = last.key + [0]
        }
    }

    private func stored(
        _ key: [UInt8],
        _ value: [UInt8]
    ) async throws(MetadataError) -> StoredRow {
        if let row = try await self.wholeRow(key, value) {
            return StoredRow(key: key, content: .row(row))
        }
        return self.damaged(key)
    }

    private func damaged(_ key: [UInt8]) -> StoredRow {
        self.stored.withLock { $0.noteDamage(of: key) }
        return StoredRow(key: key, content: .corrupt)
    }
}
