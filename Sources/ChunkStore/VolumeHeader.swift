import StoreModel
import Wire

/// The first bytes of a volume; its records begin at ``byteCount``.
///
///     magic u32 | version u8 = 1 | volume number u32 | nonce u64 | CRC32C u32 of all before
///
/// Layout: docs/format/volumes.md, "Volume header".
struct VolumeHeader: Hashable, Sendable {
    /// Bytes set aside for the header.
    static let byteCount = RecordHeader.alignment
    /// Bytes that the header takes.
    static let encodedBytes = 4 + 1 + 4 + 8 + 4
    private static let magic: UInt32 = 0x5452_4C56  // "TRLV"
    private static let version: UInt8 = 1

    let number: UInt32
    /// Random; every record repeats it.
    let nonce: UInt64

    init(number: UInt32, nonce: UInt64) {
        self.number = number
        self.nonce = nonce
    }

    init(_ bytes: [UInt8]) throws(RecordError) {
        var reader = ByteReader(bytes)
        guard try reader.read(UInt32.self) == Self.magic else { throw .invalid("magic") }
        let version: UInt8 = try reader.read()
        guard version == Self.version else { throw .unsupportedVersion(version) }
        self.number = try reader.read()
        self.nonce = try reader.read()
        let checked = Array(bytes[..<(bytes.count - reader.left)])
        guard try reader.read(UInt32.self) == CRC32C.checksum(of: checked) else {
            throw .invalid("checksum of a volume header")
        }
    }

    var encoded: [UInt8] {
        var writer = ByteWriter(reserving: Self.encodedBytes)
        writer.write(Self.magic)
        writer.write(Self.version)
        writer.write(self.number)
        writer.write(self.nonce)
        writer.write(CRC32C.checksum(of: writer.bytes))
        return writer.bytes
    }

    /// The name of the file: "volume-00000001".
    static func fileName(_ number: UInt32) -> String {
        let digits = String(number)
        return "volume-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }

    /// - Returns: nil if the file is no volume.
    static func number(ofFile name: String) -> UInt32? {
        guard name.hasPrefix("volume-"), let number = UInt32(name.dropFirst(7)) else { return nil }
        return Self.fileName(number) == name ? number : nil
    }
}
