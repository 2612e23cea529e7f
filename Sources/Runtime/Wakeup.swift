/// Resumes one suspended task, once.
///
/// An unchecked continuation behind a safe face: whoever holds it resumes it at most once. A task
/// of a crashed node in the simulation is never resumed, which a checked continuation would report.
@safe package struct Wakeup<Value: Sendable>: Sendable {
    private let continuation: UnsafeContinuation<Value, Never>

    fileprivate init(_ continuation: UnsafeContinuation<Value, Never>) {
        unsafe self.continuation = continuation
    }

    /// - Precondition: not called before.
    package func resume(returning value: Value) {
        unsafe self.continuation.resume(returning: value)
    }
}

extension Wakeup<Void> {
    package func resume() { self.resume(returning: ()) }
}

/// Suspends the task until the wake-up that `body` receives is resumed.
package func suspended<Value: Sendable>(_ body: (Wakeup<Value>) -> Void) async -> Value {
    await unsafe withUnsafeContinuation { continuation in body(unsafe Wakeup(continuation)) }
}
