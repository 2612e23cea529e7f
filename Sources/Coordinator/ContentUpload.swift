import Crypto
import NIOCore
import PeerProtocol
import Runtime
import StoreModel
import Wire

/// What an upload has made of a body.
struct UploadedContent<Receipt: Sendable>: Sendable {
    let bytes: UInt64
    /// MD5, 32 hexadecimal digits.
    let etag: String
    let content: Content

    enum Content: Sendable {
        case inline([UInt8])
        /// All chunks are durable, and the upload has been finished; no runs if it is empty.
        case chunks([SegmentRun], Receipt)
    }
}

/// Where the chunks of a body go: their manifest, and their names in it from `first` on.
struct ChunkPlace: Sendable {
    let manifest: ManifestID
    let storageClass: StorageClass
    var part: UInt16 = 0
    var attempt: UInt32 = 0
    var first: UInt32 = 0

    /// The run of a body of so many bytes; nil if it is empty.
    func run(of bytes: UInt64, chunkBytes: Int = Limit.chunkBytes) -> SegmentRun? {
        guard bytes > 0 else { return nil }
        return SegmentRun(
            manifest: self.manifest,
            part: self.part,
            attempt: self.attempt,
            first: self.first,
            chunkBytes: chunkBytes,
            length: bytes
        )
    }

    func chunk(_ index: UInt32) -> ChunkName {
        ChunkName(
            manifest: self.manifest,
            part: self.part,
            attempt: self.attempt,
            index: self.first + index
        )
    }
}

/// Cuts a body into chunks and stores them while it arrives.
///
/// At most ``CoordinatorSettings/parallelChunks`` chunks of one body are under way and one more is
/// being gathered. All uploads of a coordinator share one budget of bytes under way: no body is
/// read faster than the replicas take it.
struct ContentUpload<Receipt: Sendable>: Sendable {
    /// Encoding no more than this is done where one is: 7 us for what does not deflate and 130 us
    /// for text, where a thread for it costs up to 80 us there and back.
    private static var encodedHereBytes: Int { 64 << 10 }

    let replicas: ChunkReplicas
    let budget: ByteBudget
    let workers: any Workers
    let settings: CoordinatorSettings
    let place: ChunkPlace
    /// Longest body that is handed back in place of being stored; nil stores all.
    let inlineBytes: Int?
    /// Longest body, in bytes.
    let bytesMax: UInt64
    /// Creates the manifest before the body has ended, for long bodies.
    let open: @Sendable () async throws(ClusterError) -> Void
    /// Gives the manifest its segments, while the last chunks are on their way.
    ///
    /// The flag tells whether it was opened before.
    let finish: @Sendable ([SegmentRun], Bool) async throws(ClusterError) -> Receipt

    /// Reads the body to its end.
    ///
    /// Throws what the body throws, and `ClusterError`. Chunks that are stored by then have to be
    /// dropped.
    func run(_ body: any BodySource, announced: UInt64?) async throws -> UploadedContent<Receipt> {
        var pieces = BodyPieces(body)
        var digest = Insecure.MD5()
        guard let inlineBytes = self.inlineBytes else {
            return try await self.upload(nil, &pieces, &digest, announced)
        }
        let first = try await pieces.next(upTo: inlineBytes + 1, &digest)
        if first.readableBytes <= inlineBytes {
            return UploadedContent(
                bytes: UInt64(first.readableBytes),
                etag: Hexadecimal.text(Array(digest.finalize())),
                content: .inline(Array(first.readableBytesView))
            )
        }
        return try await self.upload(first, &pieces, &digest, announced)
    }

    private func upload(
        _ first: ByteBuffer?,
        _ pieces: inout BodyPieces,
        _ digest: inout Insecure.MD5,
        _ announced: UInt64?
    ) async throws -> UploadedContent<Receipt> {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var isOpen = false
            var bytes: UInt64 = 0
            var start = first
            var index: UInt32 = 0
            while true {
                let piece = try await pieces.next(upTo: Limit.chunkBytes, &digest, after: start)
                start = nil
                if piece.readableBytes == 0 { break }
                bytes += UInt64(piece.readableBytes)
                guard bytes <= self.bytesMax else {
                    throw ClusterError(
                        .entityTooLarge,
                        "store a body",
                        facts: ["bytes": "\(bytes)"]
                    )
                }
                if !isOpen, max(announced ?? 0, bytes) > self.settings.openManifestBytes {
                    try await self.open()
                    isOpen = true
                }
                if index >= self.settings.parallelChunks { try await group.next() }
                await self.budget.take(piece.readableBytes)
                let name = self.place.chunk(index)
                group.addTask { try await self.store(piece, as: name) }
                index += 1
            }
            let segments = self.place.run(of: bytes).map { [$0] } ?? []
            async let receipt = self.finish(segments, isOpen)
            try await group.waitForAll()
            return UploadedContent(
                bytes: bytes,
                etag: Hexadecimal.text(Array(digest.finalize())),
                content: .chunks(segments, try await receipt)
            )
        }
    }

    /// Encodes a chunk once and sends it to its replicas.
    ///
    /// Gives the budget back when the last of them, stragglers too, has let go of the bytes.
    private func store(_ content: ByteBuffer, as name: ChunkName) async throws(ClusterError) {
        let bytes = content.readableBytes
        let chunk =
            if bytes <= Self.encodedHereBytes {
                StoredChunk.encode(content)
            } else {
                await self.workers.run { StoredChunk.encode(content) }
            }
        _ = try await self.replicas.store(
            name,
            as: self.place.storageClass,
            .writeChunk(name, chunk),
            ChunkWatch(finished: { self.budget.release(bytes) })
        )
    }
}

/// Gathers the buffers of a body into pieces of a wanted size, hashing them on the way.
private struct BodyPieces {
    private let body: any BodySource
    private var left: ByteBuffer?
    private var isAtEnd = false

    init(_ body: any BodySource) { self.body = body }

    /// The next piece: `count` bytes, fewer only at the end of the body.
    ///
    /// `start`, which has been hashed already, becomes the beginning of the piece.
    mutating func next(
        upTo count: Int,
        _ digest: inout Insecure.MD5,
        after start: ByteBuffer? = nil
    ) async throws -> ByteBuffer {
        var piece = start ?? ByteBuffer()
        while piece.readableBytes < count, !self.isAtEnd {
            guard var buffer = try await self.take() else {
                self.isAtEnd = true
                break
            }
            let wanted = min(count - piece.readableBytes, buffer.readableBytes)
            guard let slice = buffer.readSlice(length: wanted) else { break }
            if buffer.readableBytes > 0 { self.left = buffer }
            unsafe slice.withUnsafeReadableBytes { unsafe digest.update(bufferPointer: $0) }
            if piece.readableBytes == 0 {
                piece = slice
                // One chunk is gathered in one allocation, not in doublings.
                if wanted < count { piece = Self.roomy(slice, count) }
            } else {
                var slice = slice
                piece.writeBuffer(&slice)
            }
        }
        return piece
    }

    private static func roomy(_ start: ByteBuffer, _ count: Int) -> ByteBuffer {
        var room = ByteBuffer()
        room.reserveCapacity(max(count, start.readableBytes))
        var start = start
        room.writeBuffer(&start)
        return room
    }

    private mutating func take() async throws -> ByteBuffer? {
        if let left = self.left {
            self.left = nil
            return left
        }
        return try await self.body.next()
    }
}
