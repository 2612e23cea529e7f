import Register
import Runtime
import StoreModel
import Synchronization

/// A ballot that a majority has promised to an operation ahead of its change.
///
/// It stands for one value: whoever takes it first uses it.
final class PromisedBallot: Sendable {
    /// What the promise showed.
    let shown: Prepared
    private let isTaken = Mutex(false)

    init(_ prepared: Prepared) { self.shown = prepared }

    var ballot: Ballot { self.shown.ballot }

    /// - Returns: nil if somebody else has taken it.
    func take() -> Prepared? {
        self.isTaken.withLock { isTaken in
            defer { isTaken = true }
            return isTaken ? nil : self.shown
        }
    }
}

/// The promises that operations of this coordinator have asked for ahead of their changes, so that
/// no two of them outbid each other: whoever changes the register first takes the promise.
final class PromisesAhead: Sendable {
    private enum Entry {
        /// Asked for; those who wait for it.
        case underWay([Wakeup<Void>])
        case arrived(PromisedBallot, since: UInt64)
    }

    private struct State {
        var entries: [RegisterKey: Entry] = [:]
        /// Of the values that have arrived.
        var bytes = 0

        /// - Precondition: the promise is not under way.
        mutating func remove(_ key: RegisterKey) -> PromisedBallot? {
            guard case .arrived(let promised, _)? = self.entries.removeValue(forKey: key) else {
                return nil
            }
            self.bytes -= promised.bytes
            return promised
        }

        mutating func forgetArrived() {
            self.entries = self.entries.filter { entry in
                if case .underWay = entry.value { return true }
                return false
            }
            self.bytes = 0
        }
    }

    /// Promises remembered, and bytes of what they showed (8 MiB); beyond either all that have
    /// arrived are forgotten.
    ///
    /// They stay with those who asked for them.
    private static let countMax = 4_096
    private static let bytesMax = 8 << 20
    /// An older one (2 s) keeps nobody from asking for his own: whoever has it may be slow.
    private static let ageMax: UInt64 = 2_000_000_000

    private let state = Mutex(State())

    /// Whether to ask for a promise now; each true is followed by one ``finish(_:_:now:)``.
    func begin(_ key: RegisterKey, now: UInt64) -> Bool {
        self.state.withLock { state in
            switch state.entries[key] {
            case .underWay: return false
            case .arrived(_, let since) where now.elapsed(since: since) <= Self.ageMax: return false
            case .arrived, nil: break
            }
            if state.entries.count >= Self.countMax || state.bytes > Self.bytesMax {
                state.forgetArrived()
            }
            _ = state.remove(key)
            state.entries[key] = .underWay([])
            return true
        }
    }

    func finish(_ key: RegisterKey, _ prepared: Prepared?, now: UInt64) -> PromisedBallot? {
        let promised = prepared.map { PromisedBallot($0) }
        let waiting: [Wakeup<Void>] = self.state.withLock { state in
            guard case .underWay(let waiting)? = state.entries[key] else {
                preconditionFailure("Finished without having begun.")
            }
            state.entries[key] = promised.map { .arrived($0, since: now) }
            state.bytes += promised?.bytes ?? 0
            return waiting
        }
        for waiter in waiting { waiter.resume() }
        return promised
    }

    /// Takes the promise of a register away from those who asked for it, once it has arrived.
    func take(_ key: RegisterKey) async -> PromisedBallot? {
        await suspended { (wakeup: Wakeup<Void>) in
            let isHere = self.state.withLock { state in
                guard case .underWay(let waiting)? = state.entries[key] else { return true }
                state.entries[key] = .underWay(waiting + [wakeup])
                return false
            }
            if isHere { wakeup.resume() }
        }
        return self.state.withLock { state in
            // Somebody may be asking again already: that promise is not waited for.
            if case .underWay? = state.entries[key] { return nil }
            return state.remove(key)
        }
    }
}

extension PromisedBallot {
    fileprivate var bytes: Int { self.shown.value?.body?.count ?? 0 }
}
