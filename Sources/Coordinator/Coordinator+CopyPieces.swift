import Crypto
import PeerProtocol
import Runtime
import StoreModel

/// Parts whose bytes do not pass through the coordinator.
///
/// Source: docs/protocol/content.md, "Part copies".
extension Coordinator {
    /// The pieces of a part that becomes one chunk; nil if it does not.
    func shortPieces(_ content: SharedContent, _ copy: PartCopy) -> [ChunkPiece]? {
        guard (1...self.settings.shortPartBytes).contains(copy.size) else { return nil }
        let most = ComposeRequest.piecesMax
        let pieces = ChunkPiece.all(content.segments, copy.range, most: most + 1)
        return pieces.count <= most ? pieces : nil
    }

    /// Has the nodes that store the part's one chunk put it together, and say its MD5.
    func compose(
        _ pieces: [ChunkPiece],
        _ copy: PartCopy
    ) async throws(ClusterError) -> CopiedPart? {
        var pulls = self.pulls(for: copy)
        var part = CopiedPart(etag: "", segments: [pulls.compose(pieces)])
        copy.progress.plan(.independent, chunks: 1, bytes: copy.size)
        let stored = try await pulls.run()
        guard let digest = stored.digest else {
            throw ClusterError(.internalError, copy.operation)
        }
        part.etag = Hexadecimal.text(digest)
        self.note(stored, of: pulls, in: &part)
        return part
    }

    /// Shares whole chunks or has them pulled; the ends are put together by the nodes that store
    /// them.
    func put(
        _ pieces: PartPieces,
        of content: SharedContent,
        _ copy: PartCopy,
        borrowing lender: Holding?
    ) async throws(ClusterError) -> CopiedPart? {
        var pulls = self.pulls(for: copy)
        var part = CopiedPart(etag: Self.etag(copy), source: lender?.manifest)
        if let head = pieces.head {
            part.segments.append(pulls.compose(ChunkPiece.all(content.segments, head)))
        }
        part.segments += lender == nil ? pulls.pull(pieces.whole) : pieces.whole
        if let tail = pieces.tail {
            part.segments.append(pulls.compose(ChunkPiece.all(content.segments, tail)))
        }
        copy.progress.plan(
            lender == nil ? .independent : .reference,
            chunks: pulls.chunkCount,
            bytes: copy.size
        )
        guard pulls.chunkCount > 0 else { return part }
        self.note(try await pulls.run(), of: pulls, in: &part)
        return part
    }

    private func pulls(for copy: PartCopy) -> ChunkPulls {
        ChunkPulls(
            into: self.place(of: copy.request.number, in: copy.upload),
            chunks: self.chunks,
            progress: copy.progress
        )
    }

    private func note(
        _ stored: ChunkReplicas.Stored,
        of pulls: ChunkPulls,
        in part: inout CopiedPart
    ) {
        self.instruments.pulled(storedBytes: stored.bytesMoved)
        part.bytesMoved = stored.bytesMoved
        part.chunksPulled = pulls.chunkCount
    }

    /// What stands for the MD5 of bytes that nobody has read: equal for equal ranges of the same
    /// content.
    ///
    /// Source: docs/s3-compatibility.md, "ETags".
    private static func etag(_ copy: PartCopy) -> String {
        // A plain object's ETag is its MD5.
        if copy.isWhole, copy.version.etag.utf8.count == 32 { return copy.version.etag }
        guard case .manifest(let manifest, _, let digest, _) = copy.version.content else {
            preconditionFailure("Inline content is read.")
        }
        var writer = ByteWriter()
        manifest.encode(into: &writer)
        writer.write(digest)
        writer.write(copy.range.lowerBound)
        writer.write(copy.range.upperBound)
        return Hexadecimal.text(Array(Insecure.MD5.hash(data: writer.bytes)))
    }
}
