/// Percent-encoding of bytes, as signatures and listings need it.
///
/// Source: RFC 3986, sections 2.1 and 2.3; S3, "UriEncode()".
package enum PercentEncoding {
    private static let digits: [UInt8] = Array("0123456789ABCDEF".utf8)

    /// Everything but `A-Z a-z 0-9 - . _ ~` becomes `%XX`; a slash only if `escapingSlash`.
    package static func encode(
        _ bytes: some Sequence<UInt8>,
        escapingSlash: Bool = true
    ) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.underestimatedCount)
        for byte in bytes {
            if Self.isUnreserved(byte) || (byte == 0x2F && !escapingSlash) {
                text.append(byte)
            } else {
                text.append(0x25)
                text.append(Self.digits[Int(byte >> 4)])
                text.append(Self.digits[Int(byte & 15)])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Undoes it, once.
    ///
    /// Nil if a `%` is not followed by two hexadecimal digits. `plusIsSpace` says whether `+`
    /// stands for a space, as in queries and in copy sources.
    package static func decode(_ text: some Sequence<UInt8>, plusIsSpace: Bool = false) -> [UInt8]?
    {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.underestimatedCount)
        var iterator = text.makeIterator()
        while let byte = iterator.next() {
            switch byte {
            case 0x25:
                guard
                    let high = iterator.next().flatMap(Self.value),
                    let low = iterator.next().flatMap(Self.value)
                else { return nil }
                bytes.append(high << 4 | low)
            case 0x2B where plusIsSpace: bytes.append(0x20)
            default: bytes.append(byte)
            }
        }
        return bytes
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
        default: false
        }
    }

    private static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x41 + 10
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }
}
