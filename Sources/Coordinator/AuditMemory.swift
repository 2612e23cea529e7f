import StoreModel
import Synchronization

/// Where the audits of this node stand: how far each has come in its list, and which manifests it
/// has seen before.
///
/// Kept in memory: who starts anew looks again.
final class AuditMemory: Sendable {
    /// Manifests remembered of one pass, at most; the others are taken for new.
    private static let remembered = 100_000
    /// Passes after which what is there is old, whatever its ballot says: ballots may be ahead of
    /// the clock, but not for ever.
    static let oldPasses = 20

    /// How often manifests were seen in a row.
    private struct Passes {
        /// In the pass before this one.
        var before: [ManifestID: Int] = [:]
        var now: [ManifestID: Int] = [:]

        mutating func see(_ manifest: ManifestID) -> Int {
            let before = self.before[manifest] ?? 0
            if self.now.count < AuditMemory.remembered { self.now[manifest] = before + 1 }
            return before
        }

        mutating func end() { (self.before, self.now) = (self.now, [:]) }
    }

    private struct State {
        var holds = Passes()
        var chunks = Passes()
        var unconfirmed = 0
    }

    private let state = Mutex(State())
    let holds = SweepMarker()
    let chunks = SweepMarker()
    let contents = SweepMarker()
    let parts = SweepMarker()

    /// Notes that a manifest has unconfirmed holds.
    ///
    /// - Returns: the number of passes before this one that have found so as well, in a row.
    func see(_ manifest: ManifestID, unconfirmed: Int) -> Int {
        self.state.withLock { state in
            state.unconfirmed += unconfirmed
            return state.holds.see(manifest)
        }
    }

    /// Notes that there are chunks of a manifest that is young by its ballot.
    ///
    /// - Returns: the number of passes before this one that have found so as well, in a row.
    func seeYoung(_ manifest: ManifestID) -> Int {
        self.state.withLock { $0.chunks.see(manifest) }
    }

    /// Ends a pass over chunks.
    func endChunkPass() { self.state.withLock { $0.chunks.end() } }

    /// Ends a pass over holds.
    ///
    /// - Returns: the unconfirmed holds that it has seen.
    func endPass() -> Int {
        self.state.withLock { state in
            defer { state.unconfirmed = 0 }
            state.holds.end()
            return state.unconfirmed
        }
    }
}

/// What audits did.
package struct AuditSummary: Hashable, Sendable {
    /// Holds that nobody needs any more, released.
    package var released = 0
    /// Holds found needed.
    package var confirmed = 0
    /// Manifests that were never created, made dead.
    package var killed = 0
    /// Chunks of this node that no manifest has, deleted.
    package var chunksDropped = 0
    /// Live versions whose hold was missing: a promise was broken.
    package var missing = 0
    /// Closed uploads whose parts were still there.
    package var uploadsCleared = 0
    /// Left for later: under way, or a majority is missing.
    package var postponed = 0

    package init() {}
}
