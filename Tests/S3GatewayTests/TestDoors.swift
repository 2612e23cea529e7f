import Runtime
import Synchronization

/// A wall clock that stands still, and waiting that is real.
final class TestTime: TimeSource {
    private let microseconds: Mutex<UInt64>

    init(seconds: UInt64) { self.microseconds = Mutex(seconds * 1_000_000) }

    var nanoseconds: UInt64 { self.wallMicroseconds * 1_000 }

    var wallMicroseconds: UInt64 { self.microseconds.withLock { $0 } }

    func advance(milliseconds: UInt64) {
        self.microseconds.withLock { $0 += milliseconds * 1_000 }
    }

    func sleep(for duration: Duration) async { try? await Task.sleep(for: duration) }
}

final class TestRandom: RandomSource {
    private let state = Mutex(UInt64(0x9E37_79B9_7F4A_7C15))

    func next() -> UInt64 {
        self.state.withLock { state in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state
        }
    }
}

struct NoBackground: Background {
    func run(_ work: @escaping @Sendable () async -> Void) -> Task<Void, Never>? {
        preconditionFailure("The gateway leaves nothing behind.")
    }
}

struct InlineWorkers: Workers {
    func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value { work() }
}
