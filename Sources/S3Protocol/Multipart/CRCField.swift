/// Arithmetic on the checksums of one CRC: polynomials over GF(2) modulo the CRC's own.
///
/// In the mirrored order of bits in which these CRCs are kept: the highest bit of a word is the
/// coefficient of x⁰. They start from all ones and are inverted at the end, so that the checksum of
/// nothing is 0 and `crc(A + B) = crc(A) · x^(8 · |B|) + crc(B)`.
/// Source: zlib, `crc32_combine`; G. S. Brown's proof in its notes, generalised to any width.
package struct CRCField<Word: FixedWidthInteger & UnsignedInteger & Sendable>: Sendable {
    /// Mirrored, without its highest coefficient.
    private let polynomial: Word

    init(_ polynomial: Word) { self.polynomial = polynomial }

    private var one: Word { 1 << (Word.bitWidth - 1) }

    /// The product of two remainders.
    func product(_ left: Word, _ right: Word) -> Word {
        var product: Word = 0
        var shifted = right
        for place in stride(from: Word.bitWidth - 1, through: 0, by: -1) {
            if left >> place & 1 == 1 { product ^= shifted }
            shifted = self.timesX(shifted)
        }
        return product
    }

    private func timesX(_ word: Word) -> Word {
        word & 1 == 1 ? word >> 1 ^ self.polynomial : word >> 1
    }

    /// What a checksum is multiplied with when so many bytes follow it: x^(8 · `bytes`).
    package func shift(bytes: UInt64) -> Word {
        var power = self.one
        var base = self.one >> 8
        var rest = bytes
        while rest > 0 {
            if rest & 1 == 1 { power = self.product(power, base) }
            base = self.product(base, base)
            rest >>= 1
        }
        return power
    }

    /// The checksum of two pieces, one behind the other.
    ///
    /// - Parameters:
    ///   - first: The checksum of the first piece.
    ///   - second: The checksum of the second.
    ///   - shift: ``shift(bytes:)`` of the second piece's length.
    /// - Returns: the checksum of both.
    package func combined(_ first: Word, _ second: Word, shift: Word) -> Word {
        self.product(shift, first) ^ second
    }

    /// The checksum of a few bytes, bit by bit.
    package func checksum(of bytes: some Sequence<UInt8>) -> Word {
        var rest = Word.max
        for byte in bytes {
            rest ^= Word(byte)
            for _ in 0..<8 { rest = self.timesX(rest) }
        }
        return ~rest
    }
}

extension CRCField where Word == UInt32 {
    /// Source: ISO 3309, as in zlib.
    package static var crc32: Self { Self(0xEDB8_8320) }
    /// Castagnoli's.
    ///
    /// Source: RFC 3720, section 12.1.
    package static var crc32c: Self { Self(0x82F6_3B78) }
}

extension CRCField where Word == UInt64 {
    package static var crc64nvme: Self { Self(CRC64NVME.polynomial) }
}
