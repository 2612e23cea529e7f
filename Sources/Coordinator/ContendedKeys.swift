import Runtime
import StoreModel
import Synchronization

/// The registers at which others have been in the way of this coordinator lately, or whose changes
/// it has forwarded: one more ballot of its own would only be in the way of others.
final class ContendedKeys: Sendable {
    /// How long (2 s) it is believed that they still are.
    private static let ageMax: UInt64 = 2_000_000_000
    /// Registers remembered; when there are more, all are forgotten.
    private static let countMax = 4_096

    /// When it was so last, in monotonic nanoseconds.
    private let keys = Mutex<[RegisterKey: UInt64]>([:])

    func note(_ key: RegisterKey, now: UInt64) {
        self.keys.withLock { keys in
            if keys.count >= Self.countMax { keys.removeAll() }
            keys[key] = now
        }
    }

    func contains(_ key: RegisterKey, now: UInt64) -> Bool {
        self.keys.withLock { keys in
            guard let since = keys[key] else { return false }
            if now.elapsed(since: since) <= Self.ageMax { return true }
            keys[key] = nil
            return false
        }
    }
}
