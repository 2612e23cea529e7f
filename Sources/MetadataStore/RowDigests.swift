import Register
import Runtime
import StoreModel
import Synchronization

/// The digests of all partitions that somebody has asked for; 16 KiB each.
final class RowDigests: Sendable {
    private struct Change {
        let partition: PartitionID
        let before: Ballot
    }

    private struct State {
        var partitions: [PartitionID: PartitionDigest] = [:]
        /// Changes under way by index key; no more than there are locks of rows.
        var underWay: [[UInt8]: Change] = [:]
    }

    private let state = Mutex(State())
    /// Held while a partition is counted.
    let lock = TaskLock()

    /// A row is about to change; followed by ``end(_:in:after:)``.
    func begin(_ key: [UInt8], in partition: PartitionID, before: Ballot) {
        self.state.withLock {
            $0.underWay[key] = Change(partition: partition, before: before)
        }
    }

    /// The change has ended; `after` is what the row has accepted now.
    func end(_ key: [UInt8], in partition: PartitionID, after: Ballot) {
        self.state.withLock { state in
            guard let change = state.underWay.removeValue(forKey: key) else {
                preconditionFailure("A change ended that had not begun.")
            }
            state.partitions[partition]?.changed(key, from: change.before, to: after)
        }
    }

    /// What is known of a partition; nil if nobody has begun to count it.
    subscript(_ partition: PartitionID) -> PartitionDigest? {
        self.state.withLock { $0.partitions[partition] }
    }

    /// Begins to count from the start.
    func reset(_ partition: PartitionID) {
        self.state.withLock { $0.partitions[partition] = PartitionDigest() }
    }

    /// Forgets what is known: it may be wrong.
    func forget(_ partition: PartitionID) {
        self.state.withLock { $0.partitions[partition] = nil }
    }

    /// Counts a page.
    ///
    /// False if the partition has been forgotten meanwhile.
    func count(
        _ page: [(key: [UInt8], accepted: Ballot)],
        isLast: Bool,
        in partition: PartitionID
    ) -> Bool {
        self.state.withLock { state in
            let underWay = state.underWay.filter { $0.value.partition == partition }
            return state.partitions[partition]?.count(
                page,
                isLast: isLast,
                underWay: underWay.mapValues(\.before)
            ) != nil
        }
    }
}
