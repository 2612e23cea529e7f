import Synchronization

/// A bound on the bytes that are under way: whoever wants more than is left waits in line.
///
/// First come, first served, so that a large request is not starved by small ones.
package final class ByteBudget: Sendable {
    private struct Waiter {
        let bytes: Int
        let wakeup: Wakeup<Void>
    }

    private struct State {
        var left: Int
        var waiters: [Waiter] = []
    }

    package let total: Int
    private let state: Mutex<State>

    package init(bytes total: Int) {
        precondition(total > 0)
        self.total = total
        self.state = Mutex(State(left: total))
    }

    /// Bytes not taken.
    ///
    /// For tests and metrics.
    package var left: Int { self.state.withLock { $0.left } }

    /// Takes `bytes`, once they are free.
    ///
    /// Each take is followed by one ``release(_:)`` of as many.
    ///
    /// - Precondition: `bytes` is at most the whole budget.
    package func take(_ bytes: Int) async {
        precondition((0...self.total).contains(bytes), "Nobody could ever get that much.")
        await suspended { (wakeup: Wakeup<Void>) in
            let granted = self.state.withLock { state in
                guard state.waiters.isEmpty, state.left >= bytes else {
                    state.waiters.append(Waiter(bytes: bytes, wakeup: wakeup))
                    return false
                }
                state.left -= bytes
                return true
            }
            if granted { wakeup.resume() }
        }
    }

    package func release(_ bytes: Int) {
        let ready = self.state.withLock { state in
            state.left += bytes
            precondition(state.left <= self.total, "Released more than was taken.")
            var ready: [Waiter] = []
            while let first = state.waiters.first, first.bytes <= state.left {
                state.left -= first.bytes
                ready.append(state.waiters.removeFirst())
            }
            return ready
        }
        for waiter in ready { waiter.wakeup.resume() }
    }
}
