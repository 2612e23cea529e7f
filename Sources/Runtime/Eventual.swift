import Synchronization

/// A value that arrives once, and those who wait for it.
package final class Eventual<Value: Sendable>: Sendable {
    private enum State {
        case waiting([Wakeup<Value>])
        case arrived(Value)
    }

    private let state = Mutex(State.waiting([]))

    package init() {}

    /// - Precondition: not called before.
    package func fulfil(_ value: Value) {
        let waiting: [Wakeup<Value>] = self.state.withLock { state in
            guard case .waiting(let waiting) = state else {
                preconditionFailure("Fulfilled twice.")
            }
            state = .arrived(value)
            return waiting
        }
        for waiter in waiting { waiter.resume(returning: value) }
    }

    package var value: Value {
        get async {
            await suspended { waiter in
                let arrived: Value? = self.state.withLock { state in
                    switch state {
                    case .arrived(let value): return value
                    case .waiting(let waiting):
                        state = .waiting(waiting + [waiter])
                        return nil
                    }
                }
                if let arrived { waiter.resume(returning: arrived) }
            }
        }
    }
}
