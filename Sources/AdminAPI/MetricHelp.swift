/// What each metric means, for the `# HELP` lines (docs/operations/metrics.md lists the same
/// names).
enum MetricHelp {
    /// One line, without backslashes or line breaks; the name itself for a metric without a text.
    static func text(_ name: String) -> String {
        let plain = name.dropFirst(MetricsRegistry.prefix.count)
        return self.texts[String(plain)] ?? name
    }

    private static let texts: [String: String] = [
        "build_info": "Always 1; the version is in the labels.",
        "process_resident_memory_bytes": "Memory of the process that is in RAM.",
        "process_resident_memory_peak_bytes": "Most memory the process ever had in RAM.",
        "process_open_fds": "Open file descriptors.",
        "ring_epoch": "Epoch of the layout in force; 0 before the first.",
        "cluster_nodes": "Nodes of the layout in force.",
        "disk_free_bytes": "Free bytes of the file system that holds the data directory.",
        "disk_size_bytes": "Size of the file system that holds the data directory.",
        "node_messages_total": "Requests of peers and of the own coordinator that could be read.",
        "node_failures_total": "Requests that were not carried out, by the code of the refusal.",
        "node_chunk_bytes_written_total": "Stored bytes of chunks that were sent here and written.",
        "node_chunk_bytes_served_total": "Stored bytes of blocks that were read for others.",
        "node_chunk_bytes_pulled_total": "Stored bytes of chunks fetched from other nodes.",
        "node_pulls_total": "Chunks fetched from other nodes.",
        "node_starts_refused_total": "Starts of this node on a directory that was put back.",
        "tls_certificate_expiry_seconds": "When the certificate of the S3 port expires.",
        "tls_certificate_failures_total": "Looks at files that were no certificate and key.",
        "copy_requests_total": "Copies asked for, by how they were made and how they ended.",
        "copy_duration_seconds": "Duration of those requests.",
        "copy_in_progress": "Copies that this node is making.",
        "copy_bytes_total": "Content of copies, referenced or moved between nodes.",
        "copy_chunks_total": "Chunks of copies, referenced or pulled.",
        "copy_chunk_bytes_pulled_total": "Stored bytes pulled for copies made here.",
        "copy_chunk_retries_total": "Chunks of copies that were tried again.",
        "orphan_holds_released_total": "Holds that operations left half done, released.",
        "orphan_manifests_killed_total": "Manifests never created, made dead by the audit.",
        "orphan_chunks_deleted_total": "Chunks of this node that no manifest had, deleted.",
        "holds_confirmed_total": "Holds that the audit has found needed.",
        "holds_missing_total": "Live versions found without a hold on their content.",
        "holds_unconfirmed": "Unconfirmed holds seen by the last pass of the audit.",
        "sweep_waiting_rows": "Rows with dropped content that the last sweep left for later.",
        "sweep_waiting_seconds": "Age of the oldest dropped content that waits for release.",
        "tombstones_erased_total": "Deleted registers whose rows were erased.",
        "rows_caught_up_total": "Rows that this node had missed and took over.",
        "rows_repaired_total": "Damaged rows of this node that were replaced.",
        "node_syncs_total": "Syncs of rows and of chunks.",
        "node_synced_writes_total": "Writes that waited for those syncs, and shared them.",
        "chunks_corrupt_total": "Copies of chunks that were found damaged.",
        "chunks_repaired_total": "Copies that were damaged or missing and are there again.",
        "chunks_under_replicated": "Copies missing after the last round of healing.",
        "chunks_lost_total": "Chunks that changes of the layout went on without: nobody had them.",
        "chunks_moved_home_total": "Copies that stood in for others and were dropped.",
        "chunk_repairs_waiting": "Copies that wait to be replaced.",
        "chunk_repairs_oldest_seconds": "How long the oldest of them has waited.",
        "heal_rounds_total": "Rounds of healing.",
        "heal_bytes_total": "Stored bytes that travelled for rounds of healing.",
        "scrub_bytes_total": "Bytes of records that were verified again.",
        "scrub_chunks_total": "Chunks that were verified again.",
        "scrub_passes_total": "Times that all chunks have been verified.",
        "node_volumes_emptied_total": "Volumes that were emptied and removed.",
    ]
}
