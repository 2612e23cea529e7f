import ChunkStore
import Crypto
import NIOCore
import PeerProtocol
import Runtime
import StoreModel
import Wire

/// Making chunks of pieces of others.
extension ChunkPuller {
    /// Has a chunk that consists of these pieces, durably.
    ///
    /// Only the blocks that the pieces lie in travel. Asked for again while it is made, or later,
    /// nothing is fetched once more.
    func compose(_ request: ComposeRequest) async throws(PeerFailure) -> ComposedChunk {
        let (fetched, isOwn) = try await self.once(request.target) { () throws(PeerFailure) in
            try await self.make(request)
        }
        guard let digest = fetched.digest else {
            throw PeerFailure(.badRequest, "the chunk is being pulled")
        }
        return ComposedChunk(bytesMoved: isOwn ? fetched.bytes : 0, digest: digest)
    }

    private func make(_ request: ComposeRequest) async throws(PeerFailure) -> Fetched {
        if await self.isHere(request.target) {
            let chunk = try await onChunks { () async throws(ChunkStoreError) in
                try await self.chunks.chunk(request.target)
            }
            let digest = await self.workers.run {
                (try? chunk.content()).map { Self.digest(of: $0) }
            }
            if let digest { return Fetched(bytes: 0, digest: digest) }
        }
        let start = self.time.nanoseconds
        var content = ByteBufferAllocator().buffer(
            capacity: request.pieces.reduce(0) { $0 + $1.range.count }
        )
        var moved: UInt64 = 0
        for piece in request.pieces {
            let (bytes, stored) = try await self.fetch(piece, since: start)
            content.writeImmutableBuffer(bytes)
            moved += stored
        }
        let whole = content
        let (chunk, digest) = await self.workers.run {
            (StoredChunk.encode(whole), Self.digest(of: whole))
        }
        try await self.write(request.target, chunk)
        return Fetched(bytes: moved, digest: digest)
    }

    /// The bytes of a piece, from the first source that has them intact, and the stored bytes that
    /// came over the network for it.
    private func fetch(
        _ piece: ChunkPiece,
        since start: UInt64
    ) async throws(PeerFailure) -> (ByteBuffer, moved: UInt64) {
        try await self.fromFirst(of: piece.sources, since: start) { source throws(PeerFailure) in
            let blocks = piece.blocks
            let slice: ChunkSlice
            if source == self.own {
                slice = try await self.reads.read(piece.source, blocks: blocks)
            } else {
                slice = try await self.ask(source, for: piece.source, blocks: blocks)
                guard slice.header.blocks == blocks else {
                    throw PeerFailure(.sourceUnavailable, "reply has other blocks")
                }
            }
            let content = await self.workers.run { try? slice.content() }
            let base = blocks.lowerBound * Limit.blockBytes
            guard let content,
                let bytes = content.getSlice(
                    at: content.readerIndex + piece.range.lowerBound - base,
                    length: piece.range.count
                )
            else { throw PeerFailure(.sourceUnavailable, "no such bytes, or damaged") }
            guard source != self.own else { return (bytes, moved: 0) }
            self.instruments.pulled(storedBytes: slice.header.storedBytes)
            return (bytes, moved: UInt64(slice.header.storedBytes))
        }
    }

    private static func digest(of content: ByteBuffer) -> [UInt8] {
        unsafe content.withUnsafeReadableBytes { bytes in
            var digest = Insecure.MD5()
            unsafe digest.update(bufferPointer: bytes)
            return Array(digest.finalize())
        }
    }
}

extension ChunkPiece {
    /// The blocks that the piece lies in.
    fileprivate var blocks: Range<Int> {
        let last = (self.range.upperBound - 1) / Limit.blockBytes
        return (self.range.lowerBound / Limit.blockBytes)..<(last + 1)
    }
}
