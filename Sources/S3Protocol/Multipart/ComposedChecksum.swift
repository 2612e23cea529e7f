import Crypto
package import StoreModel

/// Makes the checksum of an object from those of its parts, without reading a byte of them.
///
/// Source: S3 User Guide, "Checking object integrity", "Composite and full object checksums".
package enum ComposedChecksum {
    /// The checksum of a part, and the part's length in bytes.
    package typealias Part = (value: [UInt8], bytes: UInt64)

    /// Whether the checksum of a whole follows from those of its parts.
    package static func isLinear(_ algorithm: Checksum.Algorithm) -> Bool {
        switch algorithm {
        case .crc32, .crc32c, .crc64nvme: true
        case .sha1, .sha256: false
        }
    }

    /// The checksum of the whole content; nil if the algorithm does not allow it or a part's value
    /// has another length than the algorithm's.
    package static func fullObject(
        _ algorithm: Checksum.Algorithm,
        of parts: [Part]
    ) -> [UInt8]? {
        guard parts.allSatisfy({ $0.value.count == algorithm.byteCount }) else { return nil }
        switch algorithm {
        case .crc32: return Self.combined(CRCField.crc32, parts)
        case .crc32c: return Self.combined(CRCField.crc32c, parts)
        case .crc64nvme: return Self.combined(CRCField.crc64nvme, parts)
        case .sha1, .sha256: return nil
        }
    }

    /// The checksum of the parts' checksums, to which S3 adds a dash and their number.
    package static func composite(_ algorithm: Checksum.Algorithm, of values: [[UInt8]]) -> [UInt8]
    {
        let bytes = values.flatMap(\.self)
        return switch algorithm {
        case .crc32: Self.bytes(CRCField.crc32.checksum(of: bytes))
        case .crc32c: Self.bytes(CRCField.crc32c.checksum(of: bytes))
        case .crc64nvme: Self.bytes(CRCField.crc64nvme.checksum(of: bytes))
        case .sha1: Array(Insecure.SHA1.hash(data: bytes))
        case .sha256: Array(SHA256.hash(data: bytes))
        }
    }

    private static func combined<Word>(_ field: CRCField<Word>, _ parts: [Part]) -> [UInt8] {
        var whole: Word = 0
        // Nearly all parts are of one length.
        var shift: (bytes: UInt64, factor: Word) = (0, field.shift(bytes: 0))
        for part in parts {
            if part.bytes != shift.bytes { shift = (part.bytes, field.shift(bytes: part.bytes)) }
            let value = part.value.reduce(Word(0)) { $0 << 8 | Word($1) }
            whole = field.combined(whole, value, shift: shift.factor)
        }
        return Self.bytes(whole)
    }

    /// Highest byte first.
    private static func bytes(_ word: some FixedWidthInteger) -> [UInt8] {
        stride(from: word.bitWidth - 8, through: 0, by: -8)
            .map { UInt8(truncatingIfNeeded: word >> $0) }
    }
}
