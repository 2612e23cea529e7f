package import StoreModel

/// Some bytes of a chunk, for a chunk that is made of pieces.
package struct ChunkPiece: Hashable, Sendable, BinaryRecord {
    package let source: ChunkName
    /// Bytes of its content, never empty.
    package let range: Range<Int>
    /// Nodes to ask, in this order, but the own node first if it is among them.
    package var sources: [NodeID]

    package init(source: ChunkName, range: Range<Int>, sources: [NodeID] = []) {
        precondition(!range.isEmpty && range.lowerBound >= 0)
        precondition(range.upperBound <= Limit.chunkBytes, "A chunk has no more bytes.")
        self.source = source
        self.range = range
        self.sources = sources
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.source = try ChunkName(from: &reader)
        let lower = Int(try reader.read(UInt32.self))
        let upper = Int(try reader.read(UInt32.self))
        guard lower < upper, upper <= Limit.chunkBytes else { throw .invalid("piece of a chunk") }
        self.range = lower..<upper
        self.sources = try reader.readList(limit: Limit.nodes) {
            reader throws(RecordError) in try NodeID(from: &reader)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        self.source.encode(into: &writer)
        writer.write(UInt32(self.range.lowerBound))
        writer.write(UInt32(self.range.upperBound))
        writer.writeList(self.sources) { $1.encode(into: &$0) }
    }
}

/// Tells a node to make a chunk of pieces of others, which it fetches from nodes that have them.
///
///     target chunk name | pieces: u32 count, each
///         source chunk name | first byte u32 | byte behind the last u32
///         | sources: u32 count, node ids
package struct ComposeRequest: Hashable, Sendable, BinaryRecord {
    /// Most pieces of one chunk.
    package static let piecesMax = 64

    package let target: ChunkName
    /// In order; 1 to ``piecesMax``, together at most ``Limit/chunkBytes``.
    package let pieces: [ChunkPiece]

    package init(target: ChunkName, pieces: [ChunkPiece]) {
        precondition(Self.areValid(pieces), "Pieces of one chunk: \(pieces)")
        self.target = target
        self.pieces = pieces
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.target = try ChunkName(from: &reader)
        self.pieces = try reader.readList(limit: Self.piecesMax) {
            reader throws(RecordError) in try ChunkPiece(from: &reader)
        }
        guard Self.areValid(self.pieces) else { throw .invalid("pieces of a chunk") }
    }

    package func encode(into writer: inout ByteWriter) {
        self.target.encode(into: &writer)
        writer.writeList(self.pieces) { $1.encode(into: &$0) }
    }

    /// Whether one chunk can be made of them.
    package static func areValid(_ pieces: [ChunkPiece]) -> Bool {
        (1...Self.piecesMax).contains(pieces.count)
            && pieces.reduce(0) { $0 + $1.range.count } <= Limit.chunkBytes
    }
}

/// What became of a chunk that a node was to make of pieces.
package struct ComposedChunk: Hashable, Sendable, BinaryRecord {
    package static let digestBytes = 16

    /// Stored bytes that came from other nodes; 0 if the chunk was there.
    package let bytesMoved: UInt64
    /// MD5 of its content.
    package let digest: [UInt8]

    package init(bytesMoved: UInt64, digest: [UInt8]) {
        precondition(digest.count == Self.digestBytes)
        self.bytesMoved = bytesMoved
        self.digest = digest
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.bytesMoved = try reader.read()
        self.digest = try reader.readRaw(Self.digestBytes)
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.bytesMoved)
        writer.writeRaw(self.digest)
    }
}
