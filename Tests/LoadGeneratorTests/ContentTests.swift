import Testing
import Wire

@testable import LoadGenerator

struct ContentTests {
    private static let pool = ContentPool(seed: 42)

    private func bytes(_ content: Content) -> [UInt8] {
        var bytes: [UInt8] = []
        unsafe Self.pool.forEachSlice(of: content) { unsafe bytes.append(contentsOf: $0) }
        return bytes
    }

    @Test(
        "A content has its size, and the checksum of its bytes",
        arguments: [0, 1, 1_024, 1 << 20, (1 << 20) + 1, 9 << 20] as [UInt64]
    )
    func size(bytes count: UInt64) {
        let content = Content(key: "a key", size: count)
        let bytes = self.bytes(content)
        #expect(UInt64(bytes.count) == count)
        #expect(Self.pool.checksum(of: content) == CRC32C.checksum(of: bytes))
    }

    @Test("A content follows from its key")
    func key() {
        #expect(Content(key: "a", size: 64) == Content(key: "a", size: 64))
        #expect(self.bytes(Content(key: "a", size: 64)) != self.bytes(Content(key: "b", size: 64)))
    }

    @Test("What is put together of equal parts holds its piece that often")
    func repeats() {
        var content = Content(key: "a", size: 1_000)
        let piece = self.bytes(content)
        content.repeats = 3
        #expect(self.bytes(content) == piece + piece + piece)
        #expect(content.bytes == 3_000)
    }
}
