/// A checksum of content, as S3 names and shows them.
///
///     algorithm u8 | value: bytes | parts u16
package struct Checksum: Hashable, Sendable, BinaryRecord {
    package enum Algorithm: UInt8, Hashable, Sendable, BinaryRecord, CaseIterable {
        case crc32 = 1
        case crc32c = 2
        case crc64nvme = 3
        case sha1 = 4
        case sha256 = 5

        package init(from reader: inout ByteReader) throws(RecordError) {
            let tag: UInt8 = try reader.read()
            guard let algorithm = Self(rawValue: tag) else { throw .unknownTag(tag) }
            self = algorithm
        }

        package func encode(into writer: inout ByteWriter) { writer.write(self.rawValue) }
    }

    package let algorithm: Algorithm
    package let value: [UInt8]
    /// 0 for a checksum over the whole content; otherwise it is one over the checksums of so many
    /// parts.
    package let parts: UInt16

    package init(algorithm: Algorithm, value: [UInt8], parts: UInt16 = 0) {
        self.algorithm = algorithm
        self.value = value
        self.parts = parts
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.algorithm = try Algorithm(from: &reader)
        self.value = try reader.readBytes(limit: 64)
        self.parts = try reader.read()
    }

    package func encode(into writer: inout ByteWriter) {
        self.algorithm.encode(into: &writer)
        writer.writeBytes(self.value)
        writer.write(self.parts)
    }
}
