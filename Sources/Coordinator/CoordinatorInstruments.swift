import Metrics
import Register

/// What a coordinator counts.
///
/// All names: docs/operations/metrics.md.
struct CoordinatorInstruments: Sendable {
    private let prepares = Counter(label: "meta_rounds_total", dimensions: [("phase", "prepare")])
    private let accepts = Counter(label: "meta_rounds_total", dimensions: [("phase", "accept")])
    private let reads = Counter(label: "meta_rounds_total", dimensions: [("phase", "read")])
    /// Content that went through this coordinator, as stored.
    private let written = Counter(
        label: "coordinator_chunk_bytes_total",
        dimensions: [("direction", "written")]
    )
    private let fetched = Counter(
        label: "coordinator_chunk_bytes_total",
        dimensions: [("direction", "read")]
    )
    private let pulled = Counter(label: "copy_chunk_bytes_pulled_total")
    private let copies = Gauge(label: "copy_in_progress")
    private let pullRetries = Counter(label: "copy_chunk_retries_total")
    private let released = Counter(label: "holds_released_total")
    private let orphanHolds = Counter(label: "orphan_holds_released_total")
    private let orphanManifests = Counter(label: "orphan_manifests_killed_total")
    private let orphanChunks = Counter(label: "orphan_chunks_deleted_total")
    private let confirmed = Counter(label: "holds_confirmed_total")
    private let missing = Counter(label: "holds_missing_total")
    private let unconfirmed = Gauge(label: "holds_unconfirmed")
    private let waiting = Gauge(label: "sweep_waiting_rows")
    private let waitingSince = Gauge(label: "sweep_waiting_seconds")
    private let buried = Counter(label: "manifests_buried_total")
    private let erased = Counter(label: "tombstones_erased_total")
    private let caughtUp = Counter(label: "rows_caught_up_total")
    private let comparedWhole = Counter(
        label: "row_comparisons_total",
        dimensions: [("result", "complete")]
    )
    private let comparedPartly = Counter(
        label: "row_comparisons_total",
        dimensions: [("result", "incomplete")]
    )
    private let proposals = Counter(label: "meta_proposals_total")
    private let changes = Counter(label: "meta_changes_total")
    private let received = Counter(label: "meta_changes_received_total")
    let writes = WriteCounter()
    private let repaired = Counter(label: "rows_repaired_total")
    private let corruptRead = Counter(
        label: "chunks_corrupt_total",
        dimensions: [("found_by", "read")]
    )
    private let corruptScrub = Counter(
        label: "chunks_corrupt_total",
        dimensions: [("found_by", "scrub")]
    )
    private let repairs = Dictionary(
        uniqueKeysWithValues: ChunkRepairs.Reason.allCases.map { reason in
            (
                reason,
                Counter(label: "chunks_repaired_total", dimensions: [("found_by", "\(reason)")])
            )
        }
    )
    private let movedHome = Counter(label: "chunks_moved_home_total")
    private let healBytes = Counter(label: "heal_bytes_total")
    private let healRounds = Counter(label: "heal_rounds_total")
    private let lost = Counter(label: "chunks_lost_total")
    private let underReplicated = Gauge(label: "chunks_under_replicated")
    private let scrubBytes = Counter(label: "scrub_bytes_total")
    private let scrubChunks = Counter(label: "scrub_chunks_total")
    private let scrubPasses = Counter(label: "scrub_passes_total")
    private let expiredObjects = Counter(
        label: "lifecycle_expired_total",
        dimensions: [("what", "object")]
    )
    private let expiredVersions = Counter(
        label: "lifecycle_expired_total",
        dimensions: [("what", "version")]
    )
    private let expiredUploads = Counter(
        label: "lifecycle_expired_total",
        dimensions: [("what", "upload")]
    )
    private let expiryFailures = Counter(label: "lifecycle_failures_total")
    private let expiryPasses = Counter(label: "lifecycle_passes_total")
    private let expirySeconds = Gauge(label: "lifecycle_pass_seconds")

    /// One message to each replica of a register.
    func asked(_ request: RegisterRequest) {
        switch request {
        case .prepare: self.prepares.increment()
        case .accept: self.accepts.increment()
        case .read: self.reads.increment()
        case .erase, .repair: break
        }
    }

    /// So many changes of a register have ended with one proposal, however they ended.
    func proposed(_ changes: Int) {
        self.proposals.increment()
        self.changes.increment(by: changes)
        self.writes.count {
            $0.proposals += 1
            if changes > 1 { $0.combined += changes }
        }
    }

    /// Another node was asked to make a change: `done`, `failed`, `refused` or `unknown`.
    func forwarded(_ result: String) {
        Counter(label: "meta_changes_forwarded_total", dimensions: [("result", result)]).increment()
        self.writes.count { $0.forwarded += 1 }
    }

    /// A change is made for another node.
    func receivedChange() {
        self.received.increment()
        self.writes.count { $0.received += 1 }
    }

    /// A chunk was sent to one replica.
    func sent(storedBytes: Int) { self.written.increment(by: storedBytes) }
    /// Blocks came from one replica, the own node included.
    func received(storedBytes: Int) { self.fetched.increment(by: storedBytes) }
    /// Replicas pulled a chunk from one another.
    func pulled(storedBytes: UInt64) { self.pulled.increment(by: Int64(storedBytes)) }

    func copies(underWay count: Int) { self.copies.record(count) }
    /// A chunk of a copy could not be had, and is tried again.
    func retriedPull() { self.pullRetries.increment() }

    func swept(_ summary: SweepSummary) {
        self.released.increment(by: summary.released)
        self.buried.increment(by: summary.buried)
        self.erased.increment(by: summary.erased)
        self.repaired.increment(by: summary.repaired)
    }

    /// The rows were compared with those of all other replicas.
    func compared(_ summary: CatchUpSummary) {
        (summary.postponed == 0 ? self.comparedWhole : self.comparedPartly).increment()
    }

    /// What waits for the sweep of this node, and how long the oldest of it.
    func waiting(rows: Int, seconds: Double) {
        self.waiting.record(rows)
        self.waitingSince.record(seconds)
    }

    func audited(_ summary: AuditSummary) {
        self.orphanHolds.increment(by: summary.released)
        self.orphanManifests.increment(by: summary.killed)
        self.orphanChunks.increment(by: summary.chunksDropped)
        self.confirmed.increment(by: summary.confirmed)
        self.missing.increment(by: summary.missing)
    }

    /// Holds that a whole pass of the audit over the own rows has found unconfirmed.
    func unconfirmed(_ holds: Int) { self.unconfirmed.record(holds) }

    /// Copies of chunks were not as they were written.
    func corrupt(_ copies: Int, foundBy reason: ChunkRepairs.Reason) {
        (reason == .scrub ? self.corruptScrub : self.corruptRead).increment(by: copies)
    }

    func repaired(_ reason: ChunkRepairs.Reason, copies: Int = 1) {
        self.repairs[reason]?.increment(by: copies)
    }

    /// A round of healing has ended.
    func healed(_ summary: HealSummary) {
        self.healRounds.increment()
        self.healBytes.increment(by: Int64(summary.bytes))
        self.movedHome.increment(by: summary.movedHome)
        self.repaired(.round, copies: summary.restored)
        self.underReplicated.record(summary.underReplicated)
    }

    /// Copies were made for a new layout.
    func handedOver(_ summary: HealSummary) {
        self.healBytes.increment(by: Int64(summary.bytes))
        self.repaired(.round, copies: summary.restored)
    }

    /// A change of the layout has gone on without chunks that nobody had.
    func lost(_ chunks: Int) { self.lost.increment(by: chunks) }

    func scrubbed(bytes: UInt64, chunks: UInt64, isLast: Bool) {
        self.scrubBytes.increment(by: Int64(bytes))
        self.scrubChunks.increment(by: Int64(chunks))
        if isLast { self.scrubPasses.increment() }
    }

    /// A pass over the buckets with lifecycle rules has ended.
    func expired(_ summary: LifecycleSummary, seconds: Double) {
        self.expiredObjects.increment(by: summary.objects)
        self.expiredVersions.increment(by: summary.versions)
        self.expiredUploads.increment(by: summary.uploads)
        self.expiryFailures.increment(by: summary.failures)
        self.expiryPasses.increment()
        self.expirySeconds.record(seconds)
    }

    func caughtUp(_ summary: CatchUpSummary) {
        self.caughtUp.increment(by: summary.rows)
        self.repaired.increment(by: summary.repaired)
    }
}
