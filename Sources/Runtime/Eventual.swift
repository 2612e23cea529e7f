import Synchronization

/// A value that arrives once, and those who wait for it.
package final class Eventual<Value: Sendable>: Sendable {
    private enum State {
        case waiting([UnsafeContinuation<Value, Never>])
        case arrived(Value)
    }

    private let state = Mutex(State.waiting([]))

    package init() {}

    package func fulfil(_ value: Value) {
        let waiting: [UnsafeContinuation<Value, Never>] = self.state.withLock { state in
            guard unsafe case .waiting(let waiting) = state else {
                preconditionFailure("Fulfilled twice.")
            }
            state = .arrived(value)
            return unsafe waiting
        }
        for unsafe continuation in unsafe waiting { unsafe continuation.resume(returning: value) }
    }

    package var value: Value {
        get async {
            await unsafe withUnsafeContinuation { (waiter: UnsafeContinuation<Value, Never>) in
                let arrived: Value? = self.state.withLock { state in
                    switch unsafe state {
                    case .arrived(let value): return value
                    case .waiting(let waiting):
                        unsafe state = .waiting(waiting + [waiter])
                        return nil
                    }
                }
                if let arrived { unsafe waiter.resume(returning: arrived) }
            }
        }
    }
}
