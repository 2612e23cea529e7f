/// What a bench is pointed at, and how far each of its workloads goes.
package struct LoadSettings: Sendable {
    package var label = "triolet"
    /// Never empty; clients are spread over them.
    package var origins: [LoadOrigin]
    package var identity: LoadIdentity
    /// The server processes whose CPU, memory and writes are counted.
    package var processes: [Int32] = []
    /// Made at the start, and deleted with everything in it at the end.
    package var bucket = "bench"
    package var keepsBucket = false
    /// Every workload is run so many times.
    package var runs = 1
    /// At most so long a run, and so many operations, unless the workload has a number of its own:
    /// then ten times as long.
    package var time: Duration = .seconds(5)
    package var operations = 100_000
    package var seed: UInt64 = 42

    package init(origins: [LoadOrigin], identity: LoadIdentity) {
        precondition(!origins.isEmpty, "A bench needs somebody to ask.")
        self.origins = origins
        self.identity = identity
    }
}
