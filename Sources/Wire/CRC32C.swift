import CChecksum
package import NIOCore

/// The checksum of blocks and frames: CRC-32C (Castagnoli).
///
/// Chosen because processors have an instruction for it. Source: RFC 3720, appendix B.4.
package struct CRC32C: Hashable, Sendable {
    /// The checksum of everything so far; 0 for nothing.
    package private(set) var value: UInt32 = 0

    package init() {}

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        let first = unsafe start.assumingMemoryBound(to: UInt8.self)
        self.value = unsafe triolet_crc32c(self.value, first, bytes.count)
    }

    package mutating func update(_ buffer: ByteBuffer) {
        unsafe buffer.withUnsafeReadableBytes { unsafe self.update($0) }
    }

    package mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe self.update($0) }
    }

    package static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        var checksum = CRC32C()
        unsafe checksum.update(bytes)
        return checksum.value
    }

    /// The checksum of the readable bytes.
    package static func checksum(of buffer: ByteBuffer) -> UInt32 {
        unsafe buffer.withUnsafeReadableBytes { unsafe Self.checksum(of: $0) }
    }

    package static func checksum(of bytes: [UInt8]) -> UInt32 {
        unsafe bytes.withUnsafeBytes { unsafe Self.checksum(of: $0) }
    }

    /// The checksum by tables, as processors without the instruction compute it.
    static func checksumByTable(of bytes: [UInt8]) -> UInt32 {
        unsafe bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return 0 }
            return unsafe triolet_crc32c_table(
                0,
                start.assumingMemoryBound(to: UInt8.self),
                bytes.count
            )
        }
    }
}
