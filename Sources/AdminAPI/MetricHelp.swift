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
    ]
}
