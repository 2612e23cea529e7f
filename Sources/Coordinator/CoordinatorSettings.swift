/// Bounds of a coordinator's work, with defaults for production.
package struct CoordinatorSettings: Sendable {
    /// Longest wait for one replica's answer about a register or a page of rows.
    package var registerTimeout: Duration = .seconds(2)
    /// Longest wait for one replica to store, send or pull one chunk.
    package var chunkTimeout: Duration = .seconds(10)
    /// After this a contended change gives up: 503 SlowDown.
    package var changeDeadline: Duration = .seconds(10)
    /// Chunks of one request under way at once.
    package var parallelChunks = 3
    /// Chunks that one independent copy has pulled at once.
    package var parallelPulls = 4
    /// Content of all uploads under way, in bytes: 16 chunks.
    package var uploadBytes = 64 << 20
    /// A node that let a chunk time out gets no chunks for this long, unless it is needed.
    package var suspicion: Duration = .seconds(2)
    /// Bodies longer than this get their manifest with the first chunk, so that chunks of an upload
    /// that takes hours have an owner (64 MiB).
    package var openManifestBytes: UInt64 = 64 << 20
    /// Dropped content is kept this long for readers who are still at it.
    ///
    /// Not a rule of safety.
    package var releaseGrace: Duration = .seconds(60)
    /// Pause between two sweeps.
    package var sweepInterval: Duration = .seconds(5)
    /// Rows with garbage worked off in one sweep.
    package var sweepRows = 1_000
    /// How long a tombstone stays before its row is erased.
    ///
    /// For half as long, and at most 60 s, a missing row proves that an operation had no effect; so
    /// less than twice ``changeDeadline`` makes more outcomes unknown, and nothing worse.
    package var tombstoneAge: Duration = .seconds(600)
    /// Pause between two comparisons of the own rows with those of other replicas.
    package var catchUpInterval: Duration = .seconds(3_600)
    /// Pause between two searches of all own rows for damage.
    package var scrubInterval: Duration = .seconds(86_400)
    /// Registers that are erased, repaired or caught up on at once.
    package var parallelRepairs = 16
    /// Content read in one step, in blocks (1 MiB).
    package var readBlocks = 8
    /// Rules broken on purpose; only the simulation may ask for any.
    package var sabotage: Sabotage = []

    package init() {}
}

/// Rules that the simulation breaks to see whether its checkers notice.
package struct Sabotage: OptionSet, Hashable, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    /// One replica's answer is taken for a majority of a register's replicas.
    package static let registerQuorumOfOne = Sabotage(rawValue: 1 << 0)
    /// A chunk counts as stored when one replica has it.
    package static let chunkQuorumOfOne = Sabotage(rawValue: 1 << 1)
    /// A copy by reference names the manifest without holding it (rule R1).
    package static let copyWithoutHold = Sabotage(rawValue: 1 << 2)
    /// A release takes whatever hold it finds (rule R5).
    package static let releaseIgnoresFence = Sabotage(rawValue: 1 << 3)
    /// A tombstone is erased as soon as a majority has it.
    package static let eraseMajority = Sabotage(rawValue: 1 << 8)
    /// A reader takes "no row" and a tombstone for the same answer.
    package static let noneIsTomb = Sabotage(rawValue: 1 << 9)
}
