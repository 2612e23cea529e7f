import Runtime
import StoreModel
import Synchronization

/// Whose turn it is to settle a register for a read: one read of this coordinator at a time, or a
/// crowd of them would outbid each other, and everybody who changes the register.
final class SettlingTurns: Sendable {
    /// Reads that wait for a turn to end, of one register; one more looks again without waiting.
    static let waitingMax = 1_000

    /// Registers that are being settled, each with those who wait for the end of that.
    private let turns = Mutex<[RegisterKey: [Wakeup<Void>]]>([:])

    /// - Returns: true if it is the caller's turn, who calls ``end(_:)``; false once another turn
    ///   is over.
    func begin(_ key: RegisterKey) async -> Bool {
        let isFree = self.turns.withLock { turns in
            guard turns[key] == nil else { return false }
            turns[key] = []
            return true
        }
        if isFree { return true }
        await suspended { (wakeup: Wakeup<Void>) in
            let isWaiting = self.turns.withLock { turns in
                guard let waiting = turns[key], waiting.count < Self.waitingMax else {
                    return false
                }
                turns[key, default: []].append(wakeup)
                return true
            }
            if !isWaiting { wakeup.resume() }
        }
        return false
    }

    func end(_ key: RegisterKey) {
        let waiting = self.turns.withLock { $0.removeValue(forKey: key) } ?? []
        for waiter in waiting { waiter.resume() }
    }
}
