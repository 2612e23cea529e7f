import CPlatform
import NIOCore
import Runtime

/// The clocks of the system.
package struct SystemTime: TimeSource {
    package init() {}

    package var nanoseconds: UInt64 { NIODeadline.now().uptimeNanoseconds }

    package var wallMicroseconds: UInt64 { cplatform_wall_microseconds() }

    package func sleep(for duration: Duration) async { try? await Task.sleep(for: duration) }
}

/// The random numbers of the system.
package struct SystemRandom: RandomSource {
    package init() {}

    package func next() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}
