import S3Protocol
import StoreModel
import TestSupport
import Testing

struct TextTests {
    @Test("Base64 is that of RFC 4648, both ways")
    func known() {
        for (plain, text) in [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ] {
            #expect(Base64.text(Array(plain.utf8)) == text)
            #expect(Base64.bytes(text) == Array(plain.utf8))
        }
        for text in ["Z", "Zg", "Zg=", "Zh==", "Zm9=", "====", "Zg==Zg==", "Zm9 ", "Zm-_"] {
            #expect(Base64.bytes(text) == nil, "\(text)")
        }
    }

    @Test("Any bytes survive Base64 and percent-encoding", arguments: UInt64(0)..<32)
    func roundTrip(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let bytes = (0..<Int.random(in: 0...64, using: &random))
            .map { _ in UInt8.random(in: 0...255, using: &random) }
        #expect(Base64.bytes(Base64.text(bytes)) == bytes)
        let text = PercentEncoding.encode(bytes)
        #expect(PercentEncoding.decode(text.utf8) == bytes)
        #expect(PercentEncoding.decode(text.utf8, plusIsSpace: true) == bytes)
        #expect(text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x2B })
    }

    @Test("CRC-64/NVME has its check value, however the bytes are cut", arguments: 0...9)
    func crc64(cut: Int) {
        let bytes = Array("123456789".utf8)
        var checksum = CRC64NVME()
        unsafe Array(bytes[..<cut]).withUnsafeBytes { unsafe checksum.update($0) }
        unsafe Array(bytes[cut...]).withUnsafeBytes { unsafe checksum.update($0) }
        #expect(checksum.value == 0xAE8B_1486_0A79_9888)
        #expect(CRC64NVME().value == 0)
    }

    @Test("Every error code has a status of an error, and a message")
    func codes() {
        for code in S3Error.Code.allCases {
            #expect((400...503).contains(code.status) || code == .notModified, "\(code)")
            #expect(!code.message.isEmpty)
        }
    }
}
