/// A small, fast random number generator: the same seed gives the same numbers, on every machine.
///
/// Source: Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (2014).
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { self.state = seed }

    package mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number in the range, all equally likely but for one part in 2^40 of ours.
    package mutating func number(in range: ClosedRange<Int>) -> Int {
        let span = UInt64(range.upperBound - range.lowerBound) + 1
        return range.lowerBound + Int(self.next() % span)
    }

    /// True in `permille` of 1,000 cases.
    package mutating func chance(permille: Int) -> Bool { Int(self.next() % 1_000) < permille }

    /// One of the elements.
    ///
    /// Precondition: there is one.
    package mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[self.number(in: 0...(elements.count - 1))]
    }
}
