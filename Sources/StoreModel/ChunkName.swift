/// The name of a chunk.
///
/// It belongs to one manifest and is never reused.
package struct ChunkName: Hashable, Comparable, Sendable, BinaryRecord, CustomStringConvertible {
    package static let byteCount = ManifestID.byteCount + 2 + 4 + 4

    package let manifest: ManifestID
    /// 0 outside multipart uploads.
    package let part: UInt16
    /// Tells uploads of the same part apart.
    package let attempt: UInt32
    /// Position within the part, from 0.
    package let index: UInt32

    package init(manifest: ManifestID, part: UInt16, attempt: UInt32, index: UInt32) {
        self.manifest = manifest
        self.part = part
        self.attempt = attempt
        self.index = index
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.manifest = try ManifestID(from: &reader)
        self.part = try reader.read()
        self.attempt = try reader.read()
        self.index = try reader.read()
    }

    package func encode(into writer: inout ByteWriter) {
        self.manifest.encode(into: &writer)
        writer.write(self.part)
        writer.write(self.attempt)
        writer.write(self.index)
    }

    /// The partition of the ring whose replica set holds the chunk.
    package var partition: PartitionID {
        var hash = StableHash()
        hash.combine(self.encoded)
        return PartitionID(hash: hash.value)
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.manifest, left.part, left.attempt, left.index)
            < (right.manifest, right.part, right.attempt, right.index)
    }

    package var description: String {
        "\(self.manifest)/\(self.part).\(self.attempt).\(self.index)"
    }
}
