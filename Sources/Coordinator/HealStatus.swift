/// What one round of healing has seen and done on behalf of one node.
package struct HealSummary: Hashable, Sendable {
    /// Sealed manifests that this node looked after.
    package var manifests = 0
    /// Copies of chunks that were asked for.
    package var copies = 0
    /// Copies that were missing and are there now.
    package var restored = 0
    /// Stored bytes that travelled for that.
    package var bytes: UInt64 = 0
    /// Copies that are missing still: their node is away, full, or finds no source.
    package var underReplicated = 0
    /// Copies of the own node that stood in for others, and that are not needed any more.
    package var movedHome = 0
    /// Manifests, copies and nodes left for later.
    package var postponed = 0

    package init() {}
}

/// How a node's healing stands.
package struct HealStatus: Hashable, Sendable {
    /// A round is under way.
    package var isRunning = false
    /// Rounds ended since the start.
    package var rounds = 0
    /// Of the last round that ended.
    package var last = HealSummary()
    /// When it ended, in microseconds since 1970; 0 before the first.
    package var lastEnd: UInt64 = 0
    /// Copies that wait to be repaired.
    package var waiting = 0
    /// How long the oldest of them has waited, in seconds.
    package var oldestSeconds: Double = 0
    /// Copies repaired since the start.
    package var repaired = 0
    /// Copies that nobody could repair: the next round, or the next scrub, finds them again.
    package var givenUp = 0
    /// Chunks that changes of the layout went on without: nobody who answered had them.
    package var lost = 0

    package init() {}
}

/// How a node's scrub of its chunks stands.
package struct ScrubStatus: Hashable, Sendable {
    /// A pass that somebody asked for goes on at full speed.
    package var isForced = false
    /// Passes ended since the start.
    package var passes = 0
    /// When the last one ended, in microseconds since 1970; 0 before the first.
    package var lastEnd: UInt64 = 0
    /// Bytes read in the present pass.
    package var passBytes: UInt64 = 0
    /// Bytes that a pass reads.
    package var totalBytes: UInt64 = 0
    /// Chunks found damaged since the start.
    package var damaged = 0

    package init() {}
}
