import Runtime
import SimulatedRuntime

extension Scenario {
    /// Has clients rename objects above all, within one pair of keys, and often find renames that
    /// are pending.
    package mutating func rename() {
        self.workload.keys = 2
        self.workload.clients = max(4, self.workload.clients)
        self.workload.pauseMicroseconds = min(80_000, self.workload.pauseMicroseconds)
        self.workload.chunkedPermille = 300
        self.workload.conditionPermille = 100
        self.workload.weights = [
            (.put, 20), (.get, 25), (.head, 10), (.delete, 5), (.copy, 10), (.list, 8),
            (.rename, 50), (.upload, 5),
        ]
        self.holdUps[.rename] = HoldUp(300, 1_000...200_000, crashPermille: 200)
    }
}
