import Synchronization

/// Calls a closure once, when everybody who entered has left.
///
/// Whoever makes it counts as entered.
package final class Countdown: Sendable {
    private let inside = Mutex(1)
    private let whenEmpty: @Sendable () -> Void

    package init(_ whenEmpty: @escaping @Sendable () -> Void) { self.whenEmpty = whenEmpty }

    package func enter() {
        self.inside.withLock { inside in
            precondition(inside > 0, "Entered after everybody had left.")
            inside += 1
        }
    }

    package func leave() {
        let isEmpty = self.inside.withLock { inside in
            precondition(inside > 0, "Left more often than entered.")
            inside -= 1
            return inside == 0
        }
        if isEmpty { self.whenEmpty() }
    }
}
