import Runtime
import StoreModel
import Synchronization

/// Lets this coordinator's changes of one register go one after the other.
///
/// They would only outbid each other. Other coordinators are kept apart by ballots alone.
final class KeyTurns: Sendable {
    /// Changes of one register that wait; one more is refused.
    private static let waitingMax = 1_000

    /// Registers being changed, each with those who wait, in order of arrival.
    private let waiting = Mutex<[RegisterKey: [Wakeup<Bool>]]>([:])

    func isBusy(_ key: RegisterKey) -> Bool { self.waiting.withLock { $0[key] != nil } }

    /// Waits for the turn.
    ///
    /// Each true is followed by one ``end(_:)``.
    ///
    /// - Returns: false if too many wait already.
    func begin(_ key: RegisterKey) async -> Bool {
        await suspended { (wakeup: Wakeup<Bool>) in
            let answer: Bool? = self.waiting.withLock { waiting in
                guard let others = waiting[key] else {
                    waiting[key] = []
                    return true
                }
                guard others.count < Self.waitingMax else { return false }
                waiting[key, default: []].append(wakeup)
                return nil
            }
            if let answer { wakeup.resume(returning: answer) }
        }
    }

    func end(_ key: RegisterKey) {
        let next: Wakeup<Bool>? = self.waiting.withLock { waiting in
            guard var others = waiting[key], !others.isEmpty else {
                waiting[key] = nil
                return nil
            }
            let next = others.removeFirst()
            waiting[key] = others
            return next
        }
        next?.resume(returning: true)
    }
}
