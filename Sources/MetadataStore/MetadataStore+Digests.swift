package import Register
import Runtime
package import StoreModel
import Wire

/// One row as the index has it.
package struct IndexedRow: Hashable, Sendable {
    /// The binary form of the register's key (``RegisterKey/row``).
    package let row: [UInt8]
    /// nil if the entry is damaged.
    package let accepted: Ballot?

    package init(row: [UInt8], accepted: Ballot?) {
        self.row = row
        self.accepted = accepted
    }
}

extension MetadataStore {
    /// Entries of the index read at once.
    private static let pageRows = 1_000

    /// The digests of a partition's ranges, ``RowDigest/ranges`` of them.
    ///
    /// The first time the partition's index is read, page by page; then they are at hand.
    package func digests(
        of partition: PartitionID
    ) async throws(MetadataError) -> [RowDigest] {
        try await self.digest(of: partition).ranges
    }

    /// One digest for the whole partition.
    package func digestSum(
        of partition: PartitionID
    ) async throws(MetadataError) -> RowDigest {
        try await self.digest(of: partition).sum
    }

    private func digest(
        of partition: PartitionID
    ) async throws(MetadataError) -> PartitionDigest {
        if let digest = self.digests[partition], digest.isComplete { return digest }
        return try await self.digests.lock.run { () async throws(MetadataError) in
            while true {
                if let digest = self.digests[partition], digest.isComplete { return digest }
                try await self.count(partition)
            }
        }
    }

    private func count(_ partition: PartitionID) async throws(MetadataError) {
        self.digests.reset(partition)
        let prefix = PartitionRow.prefix(partition)
        var start = prefix
        while true {
            let page = try await self.index(
                from: start,
                to: PartitionRow.end(of: prefix),
                limit: Self.pageRows
            )
            let isLast = page.count < Self.pageRows
            guard self.digests.count(page, isLast: isLast, in: partition), !isLast,
                let last = page.last
            else { return }
            start = last.key + [0]
        }
    }

    /// Entries of the index; a damaged one has the ballot zero.
    func index(
        from start: [UInt8],
        to end: [UInt8]?,
        limit: Int
    ) async throws(MetadataError) -> [(key: [UInt8], accepted: Ballot)] {
        let rows = try await translated { () async throws(EngineError) in
            try await self.engine.scan(.partitions, from: start, to: end, limit: limit)
        }
        return rows.map {
            (key: $0.key, accepted: (try? Ballot(sealed: $0.value, under: $0.key)) ?? .zero)
        }
    }

    /// Rows of some ranges of a partition that have accepted something, in the order of ranges and
    /// keys: one scan, however many ranges there are.
    ///
    /// - Parameters:
    ///   - ranges: The ranges.
    ///   - partition: Their partition.
    ///   - after: Only rows behind this one, which is of the first range.
    ///   - limit: Most rows returned.
    /// - Returns: at most `limit` rows; fewer only if there are no more.
    /// - Throws: ``MetadataError`` if the engine fails.
    package func indexedRows(
        of ranges: ClosedRange<Int>,
        in partition: PartitionID,
        after: [UInt8]?,
        limit: Int
    ) async throws(MetadataError) -> [IndexedRow] {
        let first = PartitionRow.prefix(partition, range: ranges.lowerBound)
        let last = PartitionRow.prefix(partition, range: ranges.upperBound)
        let page = try await self.index(
            from: after.map { first + $0 + [0] } ?? first,
            to: PartitionRow.end(of: last),
            limit: limit
        )
        return page.map {
            IndexedRow(
                row: PartitionRow.row(of: $0.key),
                accepted: $0.accepted == .zero ? nil : $0.accepted
            )
        }
    }
}
