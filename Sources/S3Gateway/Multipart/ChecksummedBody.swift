import Coordinator
package import NIOCore
package import StoreModel

/// A body that computes a checksum of what it hands on.
package actor ChecksummedBody: BodySource {
    private let raw: any BodySource
    private var running: RunningChecksum

    init(_ raw: any BodySource, _ algorithm: Checksum.Algorithm) {
        self.raw = raw
        self.running = RunningChecksum(algorithm)
    }

    package func next() async throws -> ByteBuffer? {
        guard let buffer = try await self.raw.next() else { return nil }
        unsafe buffer.withUnsafeReadableBytes { unsafe self.running.update($0) }
        return buffer
    }

    package func checksumsAtEnd() -> [Checksum] {
        [Checksum(algorithm: self.running.algorithm, value: self.running.value)]
    }
}
