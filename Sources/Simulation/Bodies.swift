import Coordinator
import NIOCore
import SimulatedRuntime
import Synchronization

/// Bodies of more than one chunk that a run may still make.
final class LargeBodies: Sendable {
    private let left: Mutex<Int>

    init(_ count: Int) { self.left = Mutex(count) }

    func take(_ random: inout SplitMix64) -> Bool {
        guard random.chance(permille: 100) else { return false }
        return self.left.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return true
        }
    }
}

/// A body that arrives in pieces of 64 KiB, with pauses in between.
final class PiecewiseBody: BodySource {
    private let left: Mutex<ByteBuffer>
    private let simulator: Simulator
    private let pauseMicroseconds: Int

    init(_ body: ByteBuffer, _ simulator: Simulator, pauseMicroseconds: Int) {
        self.left = Mutex(body)
        self.simulator = simulator
        self.pauseMicroseconds = pauseMicroseconds
    }

    func next() async throws -> ByteBuffer? {
        if self.pauseMicroseconds > 0 {
            let pause = self.simulator.draw { $0.number(in: 0...self.pauseMicroseconds) }
            await self.simulator.sleep(nanoseconds: UInt64(pause) * 1_000)
        }
        return self.left.withLock { left in
            left.readableBytes == 0
                ? nil : left.readSlice(length: min(64 << 10, left.readableBytes))
        }
    }
}

/// Remembers that something has happened.
final class Flag: Sendable {
    private let value = Mutex(false)

    var isRaised: Bool { self.value.withLock { $0 } }

    func raise() { self.value.withLock { $0 = true } }
}
