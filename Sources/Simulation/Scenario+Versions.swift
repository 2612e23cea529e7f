extension Scenario {
    /// Has clients switch versioning on and off and delete old versions for good, among writes,
    /// deletions, copies and uploads.
    package mutating func keepVersions() {
        self.workload.weights = [
            (.put, 30), (.get, 20), (.delete, 15), (.copy, 25), (.list, 8), (.setVersioning, 5),
            (.deleteVersion, 15), (.upload, 20),
        ]
    }
}
