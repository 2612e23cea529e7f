import Histogram

/// What one run of a workload has shown: one line of `triolet bench --json`.
package struct LoadResult: Codable, Hashable, Sendable {
    /// What was measured, as the caller calls it.
    package var label: String
    package var workload: String
    package var operation: String
    /// Bytes of an object; 0 for lists.
    package var size: UInt64
    package var clients: Int
    /// From 1.
    package var run: Int

    /// Operations that succeeded, and that did not.
    package var operations = 0
    package var errors = 0
    package var seconds = 0.0
    package var operationsPerSecond = 0.0
    /// Of user data, in 10^6 bytes; 0 where none is moved by a client.
    package var megabytesPerSecond = 0.0
    /// Keys, or common prefixes, that lists brought.
    package var keys = 0
    package var keysPerSecond = 0.0

    package var p50Milliseconds = 0.0
    package var p90Milliseconds = 0.0
    package var p99Milliseconds = 0.0
    package var p999Milliseconds = 0.0
    package var maxMilliseconds = 0.0

    /// CPU of all server processes, for one operation and in all.
    package var serverMillisecondsPerOperation = 0.0
    package var serverSeconds = 0.0
    package var clientMillisecondsPerOperation = 0.0
    /// Cores that were busy with neither, but with kernel threads or neighbours: noise.
    package var otherCores = 0.0
    /// Bytes that the servers sent to disk, for one operation and for one byte that was stored.
    package var writtenBytesPerOperation = 0.0
    package var writtenBytesPerByte = 0.0
    /// Of all server processes together, afterwards and at the most since they started.
    package var serverMemoryBytes: UInt64 = 0
    package var serverMemoryPeakBytes: UInt64 = 0

    enum CodingKeys: String, CodingKey {
        case label, workload, operation, size, clients, run, operations, errors, seconds, keys
        case operationsPerSecond = "operations_per_second"
        case megabytesPerSecond = "megabytes_per_second"
        case keysPerSecond = "keys_per_second"
        case p50Milliseconds = "p50_ms"
        case p90Milliseconds = "p90_ms"
        case p99Milliseconds = "p99_ms"
        case p999Milliseconds = "p999_ms"
        case maxMilliseconds = "max_ms"
        case serverMillisecondsPerOperation = "server_cpu_ms_per_operation"
        case serverSeconds = "server_cpu_s"
        case clientMillisecondsPerOperation = "client_cpu_ms_per_operation"
        case otherCores = "other_cores"
        case writtenBytesPerOperation = "written_bytes_per_operation"
        case writtenBytesPerByte = "written_bytes_per_byte"
        case serverMemoryBytes = "server_memory_bytes"
        case serverMemoryPeakBytes = "server_memory_peak_bytes"
    }

    init(_ label: String, _ workload: Workload, _ run: Int) {
        let isList = Workload.Operation.lists.contains(workload.operation)
        self.label = label
        self.workload = workload.description
        self.operation = workload.operation.rawValue
        self.size = isList ? 0 : workload.size
        self.clients = workload.clients
        self.run = run
    }

    /// Times and counts; `bytes` are those of user data that an operation moves.
    mutating func fill(_ result: PhaseResult, bytes: UInt64) {
        self.operations = result.done
        self.errors = result.errorCount
        self.seconds = result.seconds
        self.fill(times: result.times)
        guard result.seconds > 0 else { return }
        self.operationsPerSecond = Double(self.operations) / result.seconds
        self.megabytesPerSecond = self.operationsPerSecond * Double(bytes) / 1_000_000
    }

    mutating func fill(times: Histogram<UInt32>) {
        guard times.totalCount > 0 else { return }
        func milliseconds(_ percentile: Double) -> Double {
            Double(times.valueAtPercentile(percentile)) / 1_000
        }
        self.p50Milliseconds = milliseconds(50)
        self.p90Milliseconds = milliseconds(90)
        self.p99Milliseconds = milliseconds(99)
        self.p999Milliseconds = milliseconds(99.9)
        self.maxMilliseconds = Double(times.max) / 1_000
    }

    /// What the servers used between two samples; `bytes` are those an operation stores.
    mutating func fill(_ before: CostSample, _ after: CostSample, bytes: UInt64) {
        let server = after.servers.processorSeconds - before.servers.processorSeconds
        let client = after.own - before.own
        let busy = after.machine - before.machine
        let written = Double(after.servers.writtenBytes) - Double(before.servers.writtenBytes)
        self.serverSeconds = server
        self.serverMemoryBytes = after.servers.memoryBytes
        self.serverMemoryPeakBytes = after.servers.memoryPeakBytes
        if self.seconds > 0 { self.otherCores = max(0, busy - server - client) / self.seconds }
        guard self.operations > 0 else { return }
        let operations = Double(self.operations)
        self.serverMillisecondsPerOperation = server * 1_000 / operations
        self.clientMillisecondsPerOperation = client * 1_000 / operations
        self.writtenBytesPerOperation = written / operations
        if bytes > 0 { self.writtenBytesPerByte = written / operations / Double(bytes) }
    }
}

/// All counters at one moment.
struct CostSample {
    let servers: ProcessCost
    let own: Double
    let machine: Double

    init(_ processes: [Int32]) {
        self.servers = .total(processes)
        self.own = ProcessCost.own()
        self.machine = ProcessCost.machineSeconds()
    }
}
