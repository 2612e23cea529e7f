/// Base64 with padding, as checksums are written in headers.
///
/// Source: RFC 4648, section 4.
package enum Base64 {
    private static let digits = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )

    package static func text(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = (0..<3).reduce(UInt32(0)) { bits, index in
                bits << 8 | (index < group.count ? UInt32(group[start + index]) : 0)
            }
            for index in 0..<4 {
                let isPadding = index > group.count
                text.append(isPadding ? 0x3D : Self.digits[Int(bits >> (18 - 6 * index)) & 63])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil unless the text is what ``text(_:)`` makes of some bytes.
    package static func bytes(_ text: String) -> [UInt8]? {
        let text = Array(text.utf8)
        guard text.count.isMultiple(of: 4) else { return nil }
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        let padding = text.suffix(2).reversed().prefix { $0 == 0x3D }.count
        for (index, digit) in text.dropLast(padding).enumerated() {
            guard let value = Self.value(of: digit) else { return nil }
            bits = bits << 6 | value
            switch index % 4 {
            case 0: break
            case 1: bytes.append(UInt8(truncatingIfNeeded: bits >> 4))
            case 2: bytes.append(UInt8(truncatingIfNeeded: bits >> 2))
            default: bytes.append(UInt8(truncatingIfNeeded: bits))
            }
        }
        // Bits of the last digit that belong to no byte are zero.
        let unused: UInt32 = padding == 2 ? 0xF : padding == 1 ? 0x3 : 0
        return bits & unused == 0 ? bytes : nil
    }

    private static func value(of digit: UInt8) -> UInt32? {
        switch digit {
        case 0x41...0x5A: UInt32(digit - 0x41)
        case 0x61...0x7A: UInt32(digit - 0x61) + 26
        case 0x30...0x39: UInt32(digit - 0x30) + 52
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }
}
