import StoreModel
import Synchronization

/// Where the audits of this node stand: how far each has come in its list, and which manifests it
/// has seen before.
///
/// Kept in memory: who starts anew looks again.
final class AuditMemory: Sendable {
    /// Manifests remembered of one pass, at most; the others are taken for new.
    private static let remembered = 100_000

    private struct State {
        /// How often each was seen in a row, in the pass before this one.
        var before: [ManifestID: Int] = [:]
        var now: [ManifestID: Int] = [:]
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
            let before = state.before[manifest] ?? 0
            if state.now.count < Self.remembered { state.now[manifest] = before + 1 }
            state.unconfirmed += unconfirmed
            return before
        }
    }

    /// Ends a pass.
    ///
    /// - Returns: the unconfirmed holds that it has seen.
    func endPass() -> Int {
        self.state.withLock { state in
            let unconfirmed = state.unconfirmed
            state = State(before: state.now)
            return unconfirmed
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
