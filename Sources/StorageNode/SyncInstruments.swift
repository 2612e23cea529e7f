import Metrics

/// How many syncs a store makes, and how many writes each of them serves.
///
/// The store says so itself, sync by sync: ``StorageNode`` has its chunks counted, whoever opens
/// the engine its rows. All names: docs/operations/metrics.md.
package struct SyncInstruments: Sendable {
    package enum Store: String, Sendable {
        case rows, chunks
    }

    private let syncs: Counter
    private let writes: Counter

    package init(_ store: Store) {
        let dimensions = [("store", store.rawValue)]
        self.syncs = Counter(label: "node_syncs_total", dimensions: dimensions)
        self.writes = Counter(label: "node_synced_writes_total", dimensions: dimensions)
    }

    /// A sync has made so many writes durable that waited for it.
    package func synced(writes: Int) {
        self.syncs.increment()
        self.writes.increment(by: writes)
    }
}
