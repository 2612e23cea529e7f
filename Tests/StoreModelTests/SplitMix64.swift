/// A generator whose numbers are the same everywhere.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// A number of the range; small ones and the borders more often than chance would have it.
    mutating func number(_ range: ClosedRange<UInt64>) -> UInt64 {
        switch UInt8.random(in: 0..<8, using: &self) {
        case 0: range.lowerBound
        case 1: range.upperBound
        case 2, 3: min(range.lowerBound + UInt64.random(in: 0..<4, using: &self), range.upperBound)
        default: UInt64.random(in: range, using: &self)
        }
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
    }

    /// Text of up to `count` characters of one to four bytes each.
    mutating func text(upTo count: Int) -> String {
        let characters = Array("abz019-._/ ~äöß€漢🎼\u{0}\u{301}")
        let length = Int.random(in: 0...count, using: &self)
        return String((0..<length).map { _ in characters.randomElement(using: &self) ?? "a" })
    }

    mutating func flip() -> Bool { Bool.random(using: &self) }

    mutating func optional<Value>(_ make: (inout SplitMix64) -> Value) -> Value? {
        self.flip() ? make(&self) : nil
    }

    mutating func list<Value>(
        _ counts: ClosedRange<Int>,
        _ make: (inout SplitMix64) -> Value
    ) -> [Value] {
        (0..<Int.random(in: counts, using: &self)).map { _ in make(&self) }
    }
}
