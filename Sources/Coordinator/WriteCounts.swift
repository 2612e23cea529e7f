import Synchronization

/// How a coordinator's changes of registers were made, for whoever asks.
package struct WriteCounts: Hashable, Sendable {
    package var proposals = 0
    /// Changes that shared a proposal with others.
    package var combined = 0
    /// Changes that another node was asked to make.
    package var forwarded = 0
    /// Changes made here for other nodes.
    package var received = 0

    package init() {}

    package static func + (left: WriteCounts, right: WriteCounts) -> WriteCounts {
        var sum = left
        sum.proposals += right.proposals
        sum.combined += right.combined
        sum.forwarded += right.forwarded
        sum.received += right.received
        return sum
    }
}

/// The present counts, shared by all parts of a coordinator.
final class WriteCounter: Sendable {
    private let counts = Mutex(WriteCounts())

    var value: WriteCounts { self.counts.withLock { $0 } }

    func count(_ change: (inout WriteCounts) -> Void) { self.counts.withLock { change(&$0) } }
}
