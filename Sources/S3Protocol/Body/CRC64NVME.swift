/// The CRC-64 that S3 recommends: `x-amz-checksum-crc64nvme`.
///
/// Eight bytes at a time by eight tables of 256 entries.
/// Source: NVM Express NVM Command Set 1.0, section 5.2.1.3.4; M. E. Kounavis and F. L. Berry, "A
/// Systematic Approach to Building High Performance Software-Based CRC Generators", 2005.
package struct CRC64NVME: Hashable, Sendable {
    /// The checksum of everything so far; 0 for nothing.
    package private(set) var value: UInt64 = 0

    package init() {}

    static let polynomial: UInt64 = 0x9A6C_9329_AC4B_C9B5

    /// Table `n` holds at `n * 256 + byte` the effect of a byte that `n` more bytes follow.
    private static let tables: [UInt64] = {
        var tables = (0..<256).map { byte in
            (0..<8).reduce(UInt64(byte)) { rest, _ in
                rest & 1 == 1 ? rest >> 1 ^ Self.polynomial : rest >> 1
            }
        }
        for index in 256..<(8 * 256) {
            let before = tables[index - 256]
            tables.append(before >> 8 ^ tables[Int(before & 0xFF)])
        }
        return tables
    }()

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var rest = ~self.value
        var index = 0
        unsafe Self.tables.withUnsafeBufferPointer { tables in
            while bytes.count - index >= 8 {
                let word =
                    unsafe UInt64(
                        littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    ) ^ rest
                rest = 0
                for place in 0..<8 {
                    let byte = Int(truncatingIfNeeded: word >> UInt64(8 * place)) & 0xFF
                    unsafe rest ^= tables[(7 - place) * 256 + byte]
                }
                index += 8
            }
            while index < bytes.count {
                unsafe rest =
                    rest >> 8 ^ tables[Int(truncatingIfNeeded: rest) & 0xFF ^ Int(bytes[index])]
                index += 1
            }
        }
        self.value = ~rest
    }
}
