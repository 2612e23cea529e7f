import StoreModel
import Synchronization

/// The buckets as they were when this coordinator last read them.
///
/// Only guesses: what is done on a hint counts once a read of the bucket's register that ran at the
/// same time has confirmed it, or a fence would have refused it. Never evidence.
final class BucketHints: Sendable {
    /// Buckets remembered; when there are more, all are forgotten.
    private static let countMax = 10_000

    private let records = Mutex<[BucketName: BucketRecord]>([:])

    func hint(of name: BucketName) -> BucketRecord? { self.records.withLock { $0[name] } }

    func remember(_ name: BucketName, _ record: BucketRecord?) {
        self.records.withLock { records in
            if records.count >= Self.countMax { records.removeAll() }
            records[name] = record
        }
    }
}
