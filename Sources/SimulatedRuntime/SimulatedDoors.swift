import Runtime
import Synchronization

/// Virtual time as one machine sees it.
package struct SimulatedTime: TimeSource {
    /// Every run starts on 1 January 2030.
    private static let startMicroseconds: UInt64 = 1_893_456_000_000_000

    let simulator: Simulator
    let skewMicroseconds: Int64

    package var nanoseconds: UInt64 { self.simulator.nanoseconds }

    package var wallMicroseconds: UInt64 {
        let now = Self.startMicroseconds + self.simulator.nanoseconds / 1_000
        let shown = UInt64(Int64(now) + self.skewMicroseconds)
        return shown - shown % self.simulator.clockTick
    }

    package func sleep(for duration: Duration) async {
        await self.simulator.sleep(nanoseconds: duration.wholeNanoseconds)
    }
}

/// Random numbers from a seed.
package final class SimulatedRandom: RandomSource {
    private let generator: Mutex<SplitMix64>

    package init(seed: UInt64) { self.generator = Mutex(SplitMix64(seed: seed)) }

    package func next() -> UInt64 { self.generator.withLock { $0.next() } }
}

/// Does the work at once, where it is asked for.
package struct InlineWorkers: Workers {
    package init() {}

    package func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        work()
    }
}
