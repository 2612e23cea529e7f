/// One range of a `Range` header.
///
/// Source: RFC 9110, section 14.1.2.
package enum ByteRange: Hashable, Sendable {
    case from(UInt64)
    case between(first: UInt64, last: UInt64)
    case last(UInt64)

    /// Nil for several ranges, for other units, and for whatever cannot be read: S3 then gives the
    /// whole.
    package init?(parsing text: String) {
        guard text.hasPrefix("bytes=") else { return nil }
        let parts = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        func number(_ digits: Substring) -> UInt64? {
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) ? UInt64(digits) : nil
        }
        switch (parts[0].isEmpty, parts[1].isEmpty) {
        case (true, true): return nil
        case (true, false):
            guard let count = number(parts[1]) else { return nil }
            self = .last(count)
        case (false, true):
            guard let first = number(parts[0]) else { return nil }
            self = .from(first)
        case (false, false):
            guard let first = number(parts[0]), let last = number(parts[1]), first <= last else {
                return nil
            }
            self = .between(first: first, last: last)
        }
    }

    /// The bytes it means of an object of `size` bytes; nil if there are none.
    package func resolved(size: UInt64) -> Range<UInt64>? {
        switch self {
        case .from(let first):
            return first < size ? first..<size : nil
        case .between(let first, let last):
            return first < size ? first..<min(size - 1, last) + 1 : nil
        case .last(let count):
            return count > 0 && size > 0 ? size - min(count, size)..<size : nil
        }
    }
}
