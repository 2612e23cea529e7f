import CZlib
package import NIOCore

/// The CRC-32 of zip files and of S3's `x-amz-checksum-crc32`.
package struct CRC32: Hashable, Sendable {
    /// The checksum of everything so far; 0 for nothing.
    package private(set) var value: UInt32 = 0

    package init() {}

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        let first = unsafe start.assumingMemoryBound(to: UInt8.self)
        self.value = unsafe UInt32(
            truncatingIfNeeded: crc32_z(UInt(self.value), first, bytes.count)
        )
    }

    package mutating func update(_ buffer: ByteBuffer) {
        unsafe buffer.withUnsafeReadableBytes { unsafe self.update($0) }
    }

    /// The checksum of the readable bytes.
    package static func checksum(of buffer: ByteBuffer) -> UInt32 {
        var checksum = CRC32()
        checksum.update(buffer)
        return checksum.value
    }
}
