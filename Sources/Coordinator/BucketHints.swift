import StoreModel
import Synchronization

/// The buckets as they were when this coordinator last read them.
///
/// Only guesses, never evidence. What is done on a hint counts in three cases: a read of the
/// bucket's register that ran at the same time has confirmed it; a fence would have refused it; or
/// an object was found, for nothing is left in a bucket that is gone. Hints that are used without a
/// look at the bucket are no older than ``CoordinatorSettings/hintAge``, which bounds how old the
/// settings are that come with them.
final class BucketHints: Sendable {
    private struct Hint {
        let record: BucketRecord
        /// When the read began that showed it, in monotonic nanoseconds.
        let since: UInt64
    }

    /// Buckets remembered; when there are more, all are forgotten.
    private static let countMax = 10_000
    private let hints = Mutex<[BucketName: Hint]>([:])

    func hint(of name: BucketName) -> BucketRecord? { self.hints.withLock { $0[name]?.record } }

    /// A bucket that was active a moment ago, not before `since`.
    func hint(of name: BucketName, since: UInt64) -> BucketRecord? {
        guard let hint = self.hints.withLock({ $0[name] }), hint.record.state == .active,
            hint.since >= since
        else { return nil }
        return hint.record
    }

    func remember(_ name: BucketName, _ record: BucketRecord?, since: UInt64) {
        self.hints.withLock { hints in
            if hints.count >= Self.countMax { hints.removeAll() }
            hints[name] = record.map { Hint(record: $0, since: since) }
        }
    }
}
