/// A checksum over the whole content, as S3 names and shows them.
package struct Checksum: Hashable, Sendable, BinaryRecord {
    package enum Algorithm: UInt8, Hashable, Sendable, CaseIterable {
        case crc32 = 1
        case crc32c = 2
        case crc64nvme = 3
        case sha1 = 4
        case sha256 = 5
    }

    package let algorithm: Algorithm
    package let value: [UInt8]

    package init(algorithm: Algorithm, value: [UInt8]) {
        self.algorithm = algorithm
        self.value = value
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let tag: UInt8 = try reader.read()
        guard let algorithm = Algorithm(rawValue: tag) else { throw .unknownTag(tag) }
        self.algorithm = algorithm
        self.value = try reader.readBytes(limit: 64)
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.algorithm.rawValue)
        writer.writeBytes(self.value)
    }
}
