/// A run of equal-sized chunks of one manifest, in order: all of `chunkBytes` but the last.
///
/// The content is `length` bytes; chunk i of the run is named (manifest, part, attempt, first + i).
package struct SegmentRun: Hashable, Sendable, BinaryRecord {
    package let manifest: ManifestID
    package let part: UInt16
    package let attempt: UInt32
    package let first: UInt32
    /// Bytes of content in every chunk but the last: 1 to ``Limit/chunkBytes``.
    package let chunkBytes: UInt32
    /// Bytes of content in the run, at least 1.
    package let length: UInt64

    package init(
        manifest: ManifestID,
        part: UInt16 = 0,
        attempt: UInt32 = 0,
        first: UInt32 = 0,
        chunkBytes: Int = Limit.chunkBytes,
        length: UInt64
    ) {
        precondition((1...Limit.chunkBytes).contains(chunkBytes) && length > 0)
        self.manifest = manifest
        self.part = part
        self.attempt = attempt
        self.first = first
        self.chunkBytes = UInt32(chunkBytes)
        self.length = length
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.manifest = try ManifestID(from: &reader)
        self.part = try reader.read()
        self.attempt = try reader.read()
        self.first = try reader.read()
        self.chunkBytes = try reader.read()
        self.length = try reader.read()
        guard (1...UInt32(Limit.chunkBytes)).contains(self.chunkBytes), self.length > 0 else {
            throw .invalid("segment run")
        }
        // A run longer than the indices allow names chunks that cannot exist.
        guard (self.length - 1) / UInt64(self.chunkBytes) <= UInt64(UInt32.max - self.first) else {
            throw .invalid("segment run length")
        }
    }

    package func encode(into writer: inout ByteWriter) {
        self.manifest.encode(into: &writer)
        writer.write(self.part)
        writer.write(self.attempt)
        writer.write(self.first)
        writer.write(self.chunkBytes)
        writer.write(self.length)
    }

    /// Chunks of the run, at least 1.
    package var count: Int { Int((self.length - 1) / UInt64(self.chunkBytes)) + 1 }

    /// - Precondition: `index` is below ``count``.
    package func chunk(_ index: Int) -> ChunkName {
        precondition((0..<self.count).contains(index))
        return ChunkName(
            manifest: self.manifest,
            part: self.part,
            attempt: self.attempt,
            index: self.first + UInt32(index)
        )
    }

    /// Bytes of content in one chunk of the run.
    package func bytes(ofChunk index: Int) -> Int {
        precondition((0..<self.count).contains(index))
        let before = UInt64(index) * UInt64(self.chunkBytes)
        return Int(min(UInt64(self.chunkBytes), self.length - before))
    }
}
