import CPlatform
import Runtime
import Synchronization

/// The random numbers of the system.
///
/// They are fetched 32 at a time: a request names itself and its answer by several, and each would
/// cost a call of the system. A number is forgotten as it is handed out.
package struct SystemRandom: RandomSource {
    /// 256 bytes are all that one call gives.
    ///
    /// Source: getentropy(3).
    private static let fetched = 256 / MemoryLayout<UInt64>.size

    private static let store = Mutex<[UInt64]>([])

    package init() {}

    package func next() -> UInt64 {
        Self.store.withLock { numbers in
            if numbers.isEmpty { Self.fetch(into: &numbers) }
            let number = numbers[numbers.count - 1]
            numbers[numbers.count - 1] = 0
            numbers.removeLast()
            return number
        }
    }

    private static func fetch(into numbers: inout [UInt64]) {
        numbers = [UInt64](repeating: 0, count: Self.fetched)
        let result = unsafe numbers.withUnsafeMutableBytes { bytes in
            unsafe cplatform_random(bytes.baseAddress, bytes.count)
        }
        guard result != 0 else { return }
        var system = SystemRandomNumberGenerator()
        for index in numbers.indices { numbers[index] = system.next() }
    }
}
