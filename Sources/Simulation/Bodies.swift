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

/// A body that arrives in pieces of 64 KiB.
final class PiecewiseBody: BodySource {
    private let left: Mutex<ByteBuffer>

    init(_ body: ByteBuffer) { self.left = Mutex(body) }

    func next() async throws -> ByteBuffer? {
        self.left.withLock { left in
            left.readableBytes == 0
                ? nil : left.readSlice(length: min(64 << 10, left.readableBytes))
        }
    }
}
