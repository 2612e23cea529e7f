/// An IP address, or a range of them: `192.0.2.0/24`, `2001:db8::/32`.
struct AddressRange: Hashable, Sendable {
    /// Four bytes, or sixteen.
    let bytes: [UInt8]
    /// The first bits, which are the same in the whole range.
    let bits: Int

    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = parts.first,
            let bytes = address.contains(":")
                ? Self.long(String(address)) : Self.short(String(address))
        else { return nil }
        self.bytes = bytes
        guard parts.count == 2 else {
            self.bits = bytes.count * 8
            return
        }
        guard let bits = Int(parts[1]), (0...bytes.count * 8).contains(bits) else { return nil }
        self.bits = bits
    }

    private static func short(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let bytes = parts.compactMap { UInt8($0) }
        return parts.count == 4 && bytes.count == 4 ? bytes : nil
    }

    private static func long(_ text: String) -> [UInt8]? {
        func groups(_ text: Substring) -> [UInt8]? {
            guard !text.isEmpty else { return [] }
            var bytes: [UInt8] = []
            for part in text.split(separator: ":", omittingEmptySubsequences: false) {
                if part.contains(".") {
                    guard let tail = Self.short(String(part)) else { return nil }
                    bytes += tail
                    continue
                }
                guard (1...4).contains(part.count), let group = UInt16(part, radix: 16) else {
                    return nil
                }
                bytes += [UInt8(group >> 8), UInt8(group & 0xFF)]
            }
            return bytes
        }
        guard let gap = text.firstRange(of: "::") else {
            guard let bytes = groups(text[...]), bytes.count == 16 else { return nil }
            return bytes
        }
        guard let head = groups(text[..<gap.lowerBound]),
            let tail = groups(text[gap.upperBound...]),
            head.count + tail.count <= 14
        else { return nil }
        return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
    }

    /// Whether all addresses of the other range are in this one.
    func contains(_ other: AddressRange) -> Bool {
        guard other.bytes.count == self.bytes.count, other.bits >= self.bits else { return false }
        for bit in 0..<self.bits {
            let mask = UInt8(0x80) >> UInt8(bit % 8)
            guard self.bytes[bit / 8] & mask == other.bytes[bit / 8] & mask else { return false }
        }
        return true
    }
}
