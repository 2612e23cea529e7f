package import StoreModel

/// Has a node read its chunks again, from where the last such request ended.
///
///     bytes u64 | from the beginning u8
package struct ScrubRequest: Hashable, Sendable, BinaryRecord {
    /// Ends after the record with which this many bytes were read.
    package let bytes: UInt64
    /// Begins a new pass, wherever the present one is.
    package let startsOver: Bool

    package init(bytes: UInt64, startsOver: Bool = false) {
        self.bytes = bytes
        self.startsOver = startsOver
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.bytes = try reader.read()
        self.startsOver = try reader.readBool()
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.bytes)
        writer.write(self.startsOver)
    }
}

/// What a node found when it read some of its chunks again.
///
///     bytes read u64 | chunks read u64 | end of the pass u8 | bytes in the pass so far u64
///     | bytes of all chunks u64 | damaged: u32 count, chunk names
package struct ScrubbedPage: Hashable, Sendable, BinaryRecord {
    package let bytes: UInt64
    package let chunks: UInt64
    /// Every chunk has been read once: the next request begins a new pass.
    package let isLast: Bool
    /// Bytes read in this pass, by requests before a restart, too.
    package let passBytes: UInt64
    /// Bytes that a pass reads at present.
    package let totalBytes: UInt64
    /// Chunks that are not as they were written, at most ``Limit/chunkNames``.
    package let damaged: [ChunkName]

    package init(
        read: (bytes: UInt64, chunks: UInt64),
        isLast: Bool,
        passBytes: UInt64,
        totalBytes: UInt64,
        damaged: [ChunkName]
    ) {
        (self.bytes, self.chunks) = read
        self.isLast = isLast
        self.passBytes = passBytes
        self.totalBytes = totalBytes
        self.damaged = damaged
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.bytes = try reader.read()
        self.chunks = try reader.read()
        self.isLast = try reader.readBool()
        self.passBytes = try reader.read()
        self.totalBytes = try reader.read()
        self.damaged = try PeerRequest.names(&reader)
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.bytes)
        writer.write(self.chunks)
        writer.write(self.isLast)
        writer.write(self.passBytes)
        writer.write(self.totalBytes)
        writer.writeList(self.damaged) { $1.encode(into: &$0) }
    }
}
