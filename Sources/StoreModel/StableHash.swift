/// A 64-bit hash that is the same on every node and in every release.
///
/// FNV-1a over the bytes, then the finaliser of MurmurHash3, which spreads the few changed bits of
/// neighbouring names over the whole word. Not secret and not a checksum.
/// Source: FNV, draft-eastlake-fnv; MurmurHash3 `fmix64`.
package struct StableHash: Sendable {
    private var state: UInt64 = 0xcbf2_9ce4_8422_2325

    package init() {}

    package mutating func combine(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { self.state = (self.state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    }

    /// The eight bytes of a number.
    package mutating func combine(bigEndian number: UInt64) {
        unsafe withUnsafeBytes(of: number.bigEndian) { unsafe self.combine($0) }
    }

    /// The same for long strings: eight bytes at a time, big-endian.
    ///
    /// Each step can be undone, whatever the word: strings of one length that differ in a single
    /// word never have one hash. What is left at the end is combined byte by byte.
    package mutating func combine(words bytes: [UInt8]) {
        let words = bytes.count / 8
        var state = self.state
        unsafe bytes.withUnsafeBytes { bytes in
            for index in 0..<words {
                let word = unsafe bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
                state = (state ^ UInt64(bigEndian: word)) &* 0x0000_0100_0000_01b3
                // Multiplying carries upwards only.
                state ^= state >> 32
            }
        }
        self.state = state
        self.combine(bytes[(words * 8)...])
    }

    /// The hash of one long string.
    package static func value(ofWords bytes: [UInt8]) -> UInt64 {
        var hash = StableHash()
        hash.combine(words: bytes)
        return hash.value
    }

    package var value: UInt64 {
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 33)) &* 0xff51_afd7_ed55_8ccd
        mixed = (mixed ^ (mixed >> 33)) &* 0xc4ce_b9fe_1a85_ec53
        return mixed ^ (mixed >> 33)
    }
}
