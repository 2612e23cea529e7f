import StoreModel

/// The chunks of some runs, for look-ups.
struct KeptChunks: Sendable {
    private struct Part: Hashable {
        let manifest: ManifestID
        let part: UInt16
        let attempt: UInt32
    }

    /// Indices by part, in order of their beginnings.
    private let indices: [Part: [ClosedRange<UInt32>]]

    init(_ runs: [SegmentRun]) {
        var indices: [Part: [ClosedRange<UInt32>]] = [:]
        for run in runs {
            let part = Part(manifest: run.manifest, part: run.part, attempt: run.attempt)
            let last = run.chunk(run.count - 1).index
            indices[part, default: []].append(run.first...last)
        }
        self.indices = indices
    }

    func contains(_ chunk: ChunkName) -> Bool {
        let part = Part(manifest: chunk.manifest, part: chunk.part, attempt: chunk.attempt)
        return self.indices[part]?.contains { $0.contains(chunk.index) } ?? false
    }
}
