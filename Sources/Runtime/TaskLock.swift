import Synchronization

/// Lets one task at a time through, in order of arrival; the others wait without holding a thread.
///
/// For work with an `await` in it, which a `Mutex` must not be held across. Whoever waits is not
/// woken by cancellation: what runs under the lock is short and always ends.
package final class TaskLock: Sendable {
    private struct State {
        var isHeld = false
        var waiting: [Wakeup<Void>] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Runs `body` while nobody else runs under this lock.
    package func run<Value, Failure: Error>(
        _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        await self.acquire()
        defer { self.release() }
        return try await body()
    }

    /// Takes the lock.
    ///
    /// Each time is followed by one ``release()``.
    package func acquire() async {
        await suspended { (wakeup: Wakeup<Void>) in
            let isMine = self.state.withLock { state in
                guard state.isHeld else {
                    state.isHeld = true
                    return true
                }
                state.waiting.append(wakeup)
                return false
            }
            if isMine { wakeup.resume() }
        }
    }

    package func release() {
        let next: Wakeup<Void>? = self.state.withLock { state in
            precondition(state.isHeld, "Released without being held.")
            guard !state.waiting.isEmpty else {
                state.isHeld = false
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
