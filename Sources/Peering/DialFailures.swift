import StoreModel

/// How often handshakes have failed for the same reason, so that logs say it rarely.
struct DialFailures: Sendable {
    private struct Target: Hashable, Sendable {
        let address: PeerAddress
        let expected: NodeID?
    }

    private struct Failure: Sendable {
        let reason: String
        var times = 0
    }

    /// More than the nodes of any cluster; then everything is forgotten.
    static let targetsMax = 1_024

    private var failures: [Target: Failure] = [:]

    /// Whether the log says it: the first time, the second, the fourth, the eighth, ...
    static func isWorthSaying(_ times: Int) -> Bool { times.nonzeroBitCount == 1 }

    /// Notes one more failure.
    ///
    /// - Returns: how many of that reason there were in a row, this one included.
    mutating func count(_ address: PeerAddress, _ expected: NodeID?, _ reason: String) -> Int {
        let target = Target(address: address, expected: expected)
        if self.failures.count >= Self.targetsMax, self.failures[target] == nil {
            self.failures = [:]
        }
        var failure = self.failures[target] ?? Failure(reason: reason)
        if failure.reason != reason { failure = Failure(reason: reason) }
        failure.times += 1
        self.failures[target] = failure
        return failure.times
    }

    /// A handshake has succeeded.
    mutating func forget(_ address: PeerAddress, _ expected: NodeID?) {
        self.failures[Target(address: address, expected: expected)] = nil
    }
}
