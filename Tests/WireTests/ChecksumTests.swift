import NIOCore
import TestSupport
import Testing

@testable import Wire

struct ChecksumTests {
    @Test("CRC-32C and CRC-32 give their published check values")
    func checkValues() {
        #expect(CRC32C.checksum(of: Array("123456789".utf8)) == 0xe306_9283)
        #expect(CRC32C.checksum(of: [UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(CRC32C.checksum(of: [UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
        #expect(CRC32C.checksum(of: [UInt8](0..<32)) == 0x46dd_794e)
        #expect(CRC32C.checksum(of: [UInt8]()) == 0)
        #expect(CRC32.checksum(of: ByteBuffer(string: "123456789")) == 0xcbf4_3926)
        #expect(CRC32.checksum(of: ByteBuffer()) == 0)
    }

    @Test("The instruction and the tables agree, at every length and alignment", arguments: 0..<40)
    func table(length: Int) {
        var random = SplitMix64(seed: UInt64(length))
        for offset in 0..<9 {
            var buffer = random.bytes(length + offset)
            buffer.moveReaderIndex(forwardBy: offset)
            let bytes = Array(buffer.readableBytesView)
            #expect(CRC32C.checksum(of: buffer) == CRC32C.checksumByTable(of: bytes))
        }
    }

    @Test("A checksum computed piece by piece is that of the whole", arguments: UInt64(0)..<32)
    func pieces(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let whole = random.bytes(5_000)
        var rest = whole
        var (first, second) = (CRC32C(), CRC32())
        while rest.readableBytes > 0 {
            let length = Int.random(in: 0...rest.readableBytes, using: &random)
            guard let piece = rest.readSlice(length: length) else { return }
            first.update(piece)
            second.update(piece)
        }
        #expect(first.value == CRC32C.checksum(of: whole))
        #expect(second.value == CRC32.checksum(of: whole))
    }
}
