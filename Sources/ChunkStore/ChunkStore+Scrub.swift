import Runtime
package import StoreModel
import Synchronization
import Wire

/// What one step of a scrub has found.
package struct ScrubStep: Hashable, Sendable {
    /// Bytes of the records that were read.
    package var bytes: UInt64 = 0
    package var chunks = 0
    /// Chunks that are not as they were written, in order.
    package var damaged: [ChunkName] = []
    /// The pass is over.
    package var isLast = false
    /// Bytes read in the pass so far, in earlier lives of the process, too.
    package var passBytes: UInt64 = 0

    package init() {}
}

/// How far a scrub has come, in the family `node` under 0x82; sealed.
///
///     bytes read in this pass u64 | optional: name of the last chunk read
///
/// Not synced: after a crash some chunks are read twice. Layout: docs/format/volumes.md, "Scrub".
struct ScrubMark: Hashable, Sendable, BinaryRecord {
    var passBytes: UInt64 = 0
    /// Nil before the first chunk.
    var last: ChunkName?

    init() {}

    init(from reader: inout ByteReader) throws(RecordError) {
        self.passBytes = try reader.read()
        self.last = try reader.readOptional {
            reader throws(RecordError) in try ChunkName(from: &reader)
        }
    }

    func encode(into writer: inout ByteWriter) {
        writer.write(self.passBytes)
        writer.writeOptional(self.last) { $1.encode(into: &$0) }
    }
}

/// Reading everything again, to find what has gone bad while nobody looked.
extension ChunkStore {
    private static let pageRows = 64

    /// Verifies the next chunks in the order of their names, header and blocks.
    ///
    /// Goes on where the last step ended, also after a restart. Ends with the record that reaches
    /// `bytes`, at the end of a pass, or when ``Limit/chunkNames`` are damaged. What is dropped or
    /// moved meanwhile is not taken for damage.
    package func scrub(
        bytes: UInt64,
        startsOver: Bool = false
    ) async throws(ChunkStoreError) -> ScrubStep {
        try self.checkService()
        return try await self.scrubbing.run { () async throws(ChunkStoreError) in
            var mark = startsOver ? ScrubMark() : try await self.index.scrubMark()
            var step = ScrubStep()
            repeat {
                let start = mark.last.map { $0.encoded + [0] } ?? []
                let page = try await self.index.page(from: start, to: nil, limit: Self.pageRows)
                guard !page.isDamaged else {
                    throw self.fail("a row of the chunk index is damaged")
                }
                for (name, row) in page.rows where !step.isFull(bytes) {
                    if try await self.isDamaged(name, row) { step.damaged.append(name) }
                    step.bytes += row.recordBytes
                    step.chunks += 1
                    mark.last = name
                    mark.passBytes += row.recordBytes
                }
                step.isLast =
                    page.rows.count < Self.pageRows && page.rows.last?.name == mark.last
                    || page.rows.isEmpty
            } while !step.isLast && !step.isFull(bytes)
            step.passBytes = mark.passBytes
            self.state.withLock { $0.statistics.damagedReads += step.damaged.count }
            try await self.index.move(step.isLast ? ScrubMark() : mark)
            return step
        }
    }

    private func isDamaged(
        _ name: ChunkName,
        _ row: IndexRow
    ) async throws(ChunkStoreError) -> Bool {
        if try await self.isSound(name, row) { return false }
        // Dropped or replaced since the page was read?
        guard try await self.row(name) == row else { return false }
        return try await !self.isSound(name, row)
    }
}

extension ScrubStep {
    fileprivate func isFull(_ bytes: UInt64) -> Bool {
        self.bytes >= bytes || self.damaged.count >= Limit.chunkNames
    }
}

extension ChunkIndex {
    /// A mark that cannot be read is the beginning.
    func scrubMark() async throws(ChunkStoreError) -> ScrubMark {
        let value = try await onEngine { () async throws(EngineError) in
            try await self.engine.get(.node, ChunkKey.scrubMark)
        }
        guard let value, let mark = try? ScrubMark(sealed: value, under: ChunkKey.scrubMark) else {
            return ScrubMark()
        }
        return mark
    }

    func move(_ mark: ScrubMark) async throws(ChunkStoreError) {
        var batch = RowBatch()
        batch.put(.node, ChunkKey.scrubMark, mark.sealed(under: ChunkKey.scrubMark))
        try await self.commit(batch, durable: false)
    }
}
