import CChecksum
import CZlib
import Crypto
import NIOCore
import S3Protocol
import StoreModel

/// All digests that one body has to be compared with, computed on the way.
struct BodyDigests {
    private let checks: BodyChecks
    private let expected: [UInt8]?
    private var sha256: SHA256?
    private var md5: Insecure.MD5?
    private var checksum: RunningChecksum?

    init(_ checks: BodyChecks, payload: PayloadHash) {
        self.checks = checks
        if case .sha256(let digest) = payload {
            self.expected = digest
            self.sha256 = SHA256()
        } else {
            self.expected = nil
        }
        if checks.contentMD5 != nil { self.md5 = Insecure.MD5() }
        let algorithm = checks.checksum?.algorithm ?? checks.trailer ?? checks.computed
        if let algorithm { self.checksum = RunningChecksum(algorithm) }
    }

    mutating func update(_ buffer: ByteBuffer) {
        unsafe buffer.withUnsafeReadableBytes { bytes in
            unsafe self.sha256?.update(bufferPointer: bytes)
            unsafe self.md5?.update(bufferPointer: bytes)
            unsafe self.checksum?.update(bytes)
        }
    }

    /// Compares all of them, and gives the checksum that came behind the body or was computed.
    func check(trailers: [HeaderField]) throws(S3Error) -> Checksum? {
        if let digest = self.sha256.map({ Array($0.finalize()) }), let expected = self.expected,
            digest != expected
        {
            throw S3Error(
                .contentSHA256Mismatch,
                nil,
                [
                    .init("ClientComputedContentSHA256", Hexadecimal.text(expected)),
                    .init("S3ComputedContentSHA256", Hexadecimal.text(digest)),
                ]
            )
        }
        if let digest = self.md5.map({ Array($0.finalize()) }), digest != self.checks.contentMD5 {
            throw S3Error(
                .badDigest,
                "The Content-MD5 you specified did not match what we received.",
                [.init("CalculatedDigest", Base64.text(digest))]
            )
        }
        guard let running = self.checksum else { return nil }
        if self.checks.checksum == nil, self.checks.trailer == nil {
            return Checksum(algorithm: running.algorithm, value: running.value)
        }
        let name = BodyChecks.prefix + running.algorithm.headerSuffix
        var trailer: Checksum?
        if self.checks.checksum == nil, let text = trailers.first(name) {
            trailer = try BodyChecks.checksum(running.algorithm.headerSuffix, text)
        }
        guard running.value == (self.checks.checksum ?? trailer)?.value else {
            throw S3Error(
                .badDigest,
                "The \(running.algorithm.name) you specified did not match the calculated checksum."
            )
        }
        return trailer
    }
}

/// One of the checksums of S3, on its way through a body.
enum RunningChecksum {
    case crc32(UInt32)
    case crc32c(UInt32)
    case crc64nvme(CRC64NVME)
    case sha1(Insecure.SHA1)
    case sha256(SHA256)

    init(_ algorithm: Checksum.Algorithm) {
        switch algorithm {
        case .crc32: self = .crc32(0)
        case .crc32c: self = .crc32c(0)
        case .crc64nvme: self = .crc64nvme(CRC64NVME())
        case .sha1: self = .sha1(Insecure.SHA1())
        case .sha256: self = .sha256(SHA256())
        }
    }

    var algorithm: Checksum.Algorithm {
        switch self {
        case .crc32: .crc32
        case .crc32c: .crc32c
        case .crc64nvme: .crc64nvme
        case .sha1: .sha1
        case .sha256: .sha256
        }
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        let first = unsafe start.assumingMemoryBound(to: UInt8.self)
        switch self {
        case .crc32(let value):
            let next = unsafe crc32_z(UInt(value), first, bytes.count)
            self = .crc32(UInt32(truncatingIfNeeded: next))
        case .crc32c(let value):
            self = unsafe .crc32c(triolet_crc32c(value, first, bytes.count))
        case .crc64nvme(var value):
            unsafe value.update(bytes)
            self = .crc64nvme(value)
        case .sha1(var hash):
            unsafe hash.update(bufferPointer: bytes)
            self = .sha1(hash)
        case .sha256(var hash):
            unsafe hash.update(bufferPointer: bytes)
            self = .sha256(hash)
        }
    }

    /// Of everything so far, as headers carry it.
    var value: [UInt8] {
        switch self {
        case .crc32(let value), .crc32c(let value): Self.bytes(value)
        case .crc64nvme(let value): Self.bytes(value.value)
        case .sha1(let hash): Array(hash.finalize())
        case .sha256(let hash): Array(hash.finalize())
        }
    }

    private static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        stride(from: value.bitWidth - 8, through: 0, by: -8)
            .map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
