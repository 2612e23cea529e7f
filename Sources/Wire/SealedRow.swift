package import StoreModel

/// The value of a row in the key-value engine, bound to its key by a checksum.
///
///     version u8 = 1 | CRC32C u32 of the key, the version and the content | content
///
/// The engine has checksums of its own; this one also finds a value that stands under another key,
/// and whatever goes wrong between the engine and us. A row that does not open is unknown, never
/// absent. Layout: docs/format/metadata.md, "Sealed rows".
package enum SealedRow {
    /// Bytes before the content.
    package static let overheadBytes = 5
    private static let version: UInt8 = 1

    package static func seal(_ content: [UInt8], under key: [UInt8]) -> [UInt8] {
        var writer = ByteWriter(reserving: Self.overheadBytes + content.count)
        writer.write(Self.version)
        writer.write(Self.checksum(of: content[...], under: key))
        writer.writeRaw(content)
        return writer.bytes
    }

    /// - Throws: ``RecordError`` if one bit of the key or the value is not what was sealed.
    package static func open(
        _ value: [UInt8],
        under key: [UInt8]
    ) throws(RecordError) -> ByteReader {
        var reader = ByteReader(value)
        let version: UInt8 = try reader.read()
        guard version == Self.version else { throw .unsupportedVersion(version) }
        let checksum: UInt32 = try reader.read()
        let content = value[Self.overheadBytes...]
        guard checksum == Self.checksum(of: content, under: key) else {
            throw .invalid("checksum of a row")
        }
        return reader
    }

    private static func checksum(of content: ArraySlice<UInt8>, under key: [UInt8]) -> UInt32 {
        var checksum = CRC32C()
        checksum.update(key)
        checksum.update([Self.version])
        unsafe content.withUnsafeBytes { unsafe checksum.update($0) }
        return checksum.value
    }
}

extension BinaryRecord {
    /// Reads a whole sealed row.
    package init(sealed value: [UInt8], under key: [UInt8]) throws(RecordError) {
        var reader = try SealedRow.open(value, under: key)
        try self.init(from: &reader)
        try reader.finish()
    }

    package func sealed(under key: [UInt8]) -> [UInt8] { SealedRow.seal(self.encoded, under: key) }
}
