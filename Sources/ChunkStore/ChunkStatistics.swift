/// What a chunk store holds and has done since it was opened.
package struct ChunkStatistics: Hashable, Sendable {
    /// Chunks that can be read.
    package var chunks = 0
    /// Space that they take on disk, in bytes.
    package var recordBytes: UInt64 = 0
    package var volumes = 0
    /// Syncs of volumes, for writes and drops.
    package var syncs = 0
    package var chunksWritten = 0
    package var chunksDropped = 0
    /// Records that the last opening found behind the checkpoints and took into the index.
    package var chunksRecovered = 0
    /// Records that were begun but not finished when the process ended; erased by the last opening.
    package var recordsTorn = 0
    /// Reads that found other bytes than were written.
    package var damagedReads = 0

    package init() {}
}
