/// A running hash (FNV-1a, by words): order matters, and it is the same on every machine.
package struct TraceHash: Hashable, Sendable {
    package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    package mutating func add(_ word: UInt64) {
        self.value = (self.value ^ word) &* 0x0000_0100_0000_01B3
        self.value ^= self.value >> 29
    }

    package mutating func add(_ text: String) {
        for byte in text.utf8 { self.add(UInt64(byte)) }
    }
}
