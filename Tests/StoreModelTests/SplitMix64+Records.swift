import TestSupport

extension SplitMix64 {
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
