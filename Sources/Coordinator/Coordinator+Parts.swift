import Content
import Placement
import Register
import Runtime
import StoreModel

/// Storing the parts of uploads.
///
/// Source: docs/protocol/content.md, "Multipart uploads".
extension Coordinator {
    /// Names of chunks that one upload of a part may use; see ``place(of:in:)``.
    static let attemptChunks: UInt32 = 1 << 12

    package func putPart(
        _ request: PutPartRequest,
        body: any BodySource
    ) async throws(ClusterError) -> PartSummary {
        let operation = "put part \(request.number) of \(request.upload)"
        let epoch = self.layouts.epoch
        let (target, upload) = try await self.openUpload(request.upload, operation)
        let place = target.part(request.number, of: upload.id)
        // The promise travels while the body arrives.
        async let promise = self.promise(place.key)
        let content = try await self.store(
            body,
            at: self.place(of: request.number, in: upload),
            operation
        )
        let secured = try await self.secure(
            content.segments,
            as: upload.storageClass,
            since: epoch
        )
        let part = PartRecord(
            of: upload.manifest,
            etag: content.etag,
            size: content.size,
            modified: self.ballots.now(),
            checksums: request.checksums + (await body.checksumsAtEnd()),
            segments: content.segments
        )
        let stored = try await self.store(
            part,
            at: place,
            of: upload,
            target,
            await promise,
            operation
        )
        try await self.secure(content.segments, as: upload.storageClass, since: secured)
        return PartSummary(request.number, stored)
    }

    /// What has become of a body that is a part, or a piece of one.
    struct StoredBody: Sendable {
        let etag: String
        let size: UInt64
        let segments: [SegmentRun]
    }

    /// Stores a body as chunks of an upload's manifest, however short it is.
    ///
    /// What is stored when this fails is nobody's, and goes with the upload.
    func store(
        _ body: any BodySource,
        at place: ChunkPlace,
        _ operation: String
    ) async throws(ClusterError) -> StoredBody {
        let upload = ContentUpload<Void>(
            replicas: self.chunks,
            budget: self.uploads,
            workers: self.doors.workers,
            settings: self.settings,
            place: place,
            inlineBytes: nil,
            bytesMax: Limit.partBytesMax,
            open: { () throws(ClusterError) in },
            finish: { _, _ throws(ClusterError) in }
        )
        do {
            let content = try await upload.run(body, announced: nil)
            guard case .chunks(let segments, _) = content.content else {
                throw ClusterError(.internalError, operation)
            }
            return StoredBody(etag: content.etag, size: content.bytes, segments: segments)
        } catch let error as ClusterError {
            throw error
        } catch {
            throw ClusterError(.bodyInvalid, operation, cause: error)
        }
    }

    /// Names for the chunks of one more upload of a part.
    ///
    /// A part that is uploaded again, even at the same time and through another node, must not use
    /// the same names. Nobody hands them out: the attempt and the higher bits of the index are
    /// random, 52 bits in all, and only uploads of the same part could ever meet.
    func place(of number: PartNumber, in upload: Upload) -> ChunkPlace {
        let random = self.doors.random.next()
        return ChunkPlace(
            manifest: upload.manifest,
            storageClass: upload.storageClass,
            part: number.value,
            attempt: UInt32(truncatingIfNeeded: random >> 32),
            first: UInt32(truncatingIfNeeded: random) & ~(Self.attemptChunks - 1)
        )
    }

    /// Puts a part in its place; its chunks are durable, and what it borrows is held.
    ///
    /// - Throws: `uploadNotFound` if the upload is closed by now: nobody will use the part then,
    ///   unless whoever completed the upload has seen it.
    func store(
        _ part: PartRecord,
        at place: Target,
        of upload: Upload,
        _ target: Target,
        _ promised: PromisedBallot?,
        _ operation: String
    ) async throws(ClusterError) -> PartRecord {
        let stored: PartRecord
        switch try await self.change(
            place,
            PartChange(part),
            WriteTerms(promised: promised),
            operation
        ) {
        case .stored(let record): stored = record
        case .full: throw ClusterError(.busy, operation, facts: ["borrows": "full"])
        }
        if self.settings.sabotage.contains(.unlistedDeletedWhileOpen) {
            let parts = try await self.parts(of: upload.id, target.key, target.bucket)
            await self.drop(upload.manifest, keeping: parts.values.flatMap(\.segments))
        }
        // Whoever closed the upload before this was stored may not have seen it.
        guard try await self.record(target, operation).upload(upload.id) != nil else {
            self.doors.background.run {
                try? await self.clear(upload.id, of: upload.manifest, target.key)
            }
            throw ClusterError(.uploadNotFound, operation)
        }
        return stored
    }
}
