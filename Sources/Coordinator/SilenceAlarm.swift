import NIOCore
import Runtime
import Synchronization

/// Tells those who wait for answers when they have waited for some time.
///
/// One sleeper serves all: a wait that ends in time, as nearly all do, costs a place in a queue and
/// no timer. Every wait is equally long, so they are due in the order in which they began; those
/// that are due soon after one another ring together, up to a third of the silence late.
final class SilenceAlarm: Sendable {
    private struct Wait {
        /// In monotonic nanoseconds.
        let due: UInt64
        let ring: @Sendable () -> Void
    }

    private struct State {
        var waits = CircularBuffer<Wait>()
        var isAsleep = false
    }

    /// Waits under way at once, those that have ended too early to be forgotten yet included.
    static let waitsMax = 65_536

    private let silence: Duration
    private let doors: Doors
    private let state = Mutex(State())

    init(after silence: Duration, doors: Doors) {
        self.silence = silence
        self.doors = doors
    }

    /// Calls `ring` after the silence, wanted or not; at once if too many wait already.
    func start(_ ring: @escaping @Sendable () -> Void) {
        let due = self.doors.time.nanoseconds + UInt64(self.silence / .nanoseconds(1))
        let (isTaken, mustSleep) = self.state.withLock { state in
            guard state.waits.count < Self.waitsMax else { return (false, false) }
            state.waits.append(Wait(due: due, ring: ring))
            defer { state.isAsleep = true }
            return (true, !state.isAsleep)
        }
        if !isTaken { ring() }
        if mustSleep { self.doors.background.run { await self.sleep() } }
    }

    private func sleep() async {
        var isFirst = true
        while let due = self.nextDue() {
            let now = self.doors.time.nanoseconds
            if due > now {
                let left = Duration.nanoseconds(Int64(due - now))
                await self.doors.time.sleep(for: isFirst ? left : max(left, self.silence / 3))
            }
            isFirst = false
            // Woken before its time it is being shut down: nobody is to wait any longer.
            for wait in self.take(until: max(self.doors.time.nanoseconds, due)) { wait.ring() }
        }
    }

    /// When the next wait is over; nil if there is none, and then nobody sleeps any more.
    private func nextDue() -> UInt64? {
        self.state.withLock { state in
            state.isAsleep = !state.waits.isEmpty
            return state.waits.first?.due
        }
    }

    private func take(until now: UInt64) -> [Wait] {
        self.state.withLock { state in
            var over: [Wait] = []
            while let wait = state.waits.first, wait.due <= now {
                over.append(wait)
                state.waits.removeFirst()
            }
            return over
        }
    }
}
