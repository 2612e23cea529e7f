import Content
import NIOCore
import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

/// Making parts of objects.
///
/// Source: docs/protocol/content.md, "Part copies".
extension Coordinator {
    /// Everything a copy of a part has decided before it touches content.
    struct PartCopy: Sendable {
        let request: CopyPartRequest
        /// Where the source is, and the version that is copied.
        let source: Target
        let version: Version
        let range: Range<UInt64>
        let target: Target
        let upload: Upload
        let progress: CopyProgress
        let operation: String
        /// The layout in force before anything was stored.
        let epoch: UInt64

        var size: UInt64 { UInt64(self.range.count) }
        var isWhole: Bool { self.size == self.version.size }
    }

    /// What a part will consist of.
    struct CopiedPart: Sendable {
        var etag: String
        var segments: [SegmentRun] = []
        var checksums: [Checksum] = []
        var source: ManifestID?
        var chunksPulled = 0
        var bytesMoved: UInt64 = 0
    }

    package func copyPart(_ request: CopyPartRequest) async throws(ClusterError) -> CopyPartResult {
        let progress = self.copies.begin(
            request.source,
            to: request.upload.object,
            part: request.number
        )
        return try await self.follow(progress) { () throws(ClusterError) in
            try await self.copyPart(request, progress)
        }
    }

    private func copyPart(
        _ request: CopyPartRequest,
        _ progress: CopyProgress
    ) async throws(ClusterError) -> CopyPartResult {
        let operation =
            "copy \(request.source) to part \(request.number) of \(request.upload)"
        async let found = outcome { () throws(ClusterError) in
            try await self.lookUp(request.source, version: request.sourceVersion, operation)
        }
        let (target, upload) = try await self.openUpload(request.upload, operation)
        let place = target.part(request.number, of: upload.id)
        async let promise = self.promise(place.key)
        let (source, first) = try Self.asSource(await found, operation)
        var version = first
        for attempt in 1...Self.sourceAttempts {
            let copy = PartCopy(
                request: request,
                source: source,
                version: version,
                range: try Self.range(
                    request,
                    ObjectSummary(version, in: source.bucket),
                    operation
                ),
                target: target,
                upload: upload,
                progress: progress,
                operation: operation,
                epoch: self.layouts.epoch
            )
            if let part = try await self.carryOut(copy) {
                return try await self.store(part, copy, at: place, await promise)
            }
            if attempt == Self.sourceAttempts { break }
            version = try Self.asSource(
                await outcome { () throws(ClusterError) in
                    try await self.version(request.sourceVersion, of: source, operation)
                },
                operation
            )
        }
        throw ClusterError(.busy, operation, facts: ["attempts": "\(Self.sourceAttempts)"])
    }

    /// What is copied of the source, once it has been looked at.
    private static func range(
        _ request: CopyPartRequest,
        _ version: ObjectSummary,
        _ operation: String
    ) throws(ClusterError) -> Range<UInt64> {
        try request.sourceCheck(version)
        let range = request.range ?? 0..<version.size
        guard range.upperBound <= version.size else {
            throw ClusterError(.internalError, operation, facts: ["size": "\(version.size)"])
        }
        guard range.count <= Limit.partBytesMax else {
            throw ClusterError(.entityTooLarge, operation, facts: ["bytes": "\(range.count)"])
        }
        return range
    }

    private func store(
        _ part: CopiedPart,
        _ copy: PartCopy,
        at place: Target,
        _ promised: PromisedBallot?
    ) async throws(ClusterError) -> CopyPartResult {
        let own = part.segments.filter { $0.manifest == copy.upload.manifest }
        let storageClass = copy.upload.storageClass
        let secured = try await self.secure(own, as: storageClass, since: copy.epoch)
        let record = PartRecord(
            of: copy.upload.manifest,
            etag: part.etag,
            size: copy.size,
            modified: self.ballots.now(),
            checksums: part.checksums,
            segments: part.segments,
            source: part.source
        )
        let stored = try await self.store(
            record,
            at: place,
            of: copy.upload,
            copy.target,
            promised,
            copy.operation
        )
        try await self.secure(own, as: storageClass, since: secured)
        return CopyPartResult(
            part: PartSummary(copy.request.number, stored),
            source: ObjectSummary(copy.version, in: copy.source.bucket),
            mode: part.source == nil ? .independent : .reference,
            chunksPulled: part.chunksPulled,
            bytesMoved: part.bytesMoved
        )
    }

    /// - Returns: nil if the source's content is gone: it has to be looked up again.
    private func carryOut(_ copy: PartCopy) async throws(ClusterError) -> CopiedPart? {
        guard case .manifest(let manifest, _, let digest, _) = copy.version.content else {
            return try await self.stream(copy)
        }
        let found = await outcome { () throws(ClusterError) in
            try await self.segments(of: copy.version.content, copy.operation)
        }
        if case .failure(let error) = found, error.code == .dataUnavailable { return nil }
        let content = SharedContent(
            manifest: manifest,
            storageClass: copy.version.storageClass,
            segments: try found.get(),
            digest: digest
        )
        let pieces = PartPieces(content.segments, copy.range)
        if self.isWorthBorrowing(pieces, copy) {
            let lender = Holding(
                manifest: manifest,
                owner: .manifest(copy.upload.manifest),
                digest: digest,
                ceiling: .zero
            )
            if self.settings.sabotage.contains(.partRowBeforeHold) {
                self.doors.background.run {
                    await self.doors.time.sleep(for: .seconds(8))
                    _ = try? await self.manifests.hold(lender)
                }
                return try await self.put(pieces, of: content, copy, borrowing: lender)
            }
            // Held before the part can be seen (rule R1).
            switch try await self.manifests.hold(lender) {
            case .held: return try await self.put(pieces, of: content, copy, borrowing: lender)
            case .gone, .otherSegments: return nil
            case .full: break
            }
        }
        return try await self.pinning(content, copy) { () throws(ClusterError) in
            if copy.request.observe != nil { return try await self.stream(copy) }
            if let short = self.shortPieces(content, copy) {
                return try await self.compose(short, copy)
            }
            if copy.size == 0 || Self.isCrumbly(pieces) { return try await self.stream(copy) }
            return try await self.put(pieces, of: content, copy, borrowing: nil)
        }
    }

    /// Copies bytes of content that stays as long, whatever becomes of its version.
    ///
    /// - Returns: nil if the content is gone.
    private func pinning(
        _ content: SharedContent,
        _ copy: PartCopy,
        _ work: () async throws(ClusterError) -> CopiedPart?
    ) async throws(ClusterError) -> CopiedPart? {
        try copy.progress.check(copy.operation)
        guard let pin = try await self.pin(content, for: copy.target) else { return nil }
        defer { self.unpin(pin) }
        return try await work()
    }

    /// To borrow keeps all of the lender as long as the object lives: not for a small part of it.
    private func isWorthBorrowing(_ pieces: PartPieces, _ copy: PartCopy) -> Bool {
        copy.request.mode != .independent && copy.request.observe == nil
            && copy.version.storageClass == copy.upload.storageClass
            && pieces.wholeChunks >= self.settings.borrowChunks
            && copy.size >= copy.version.size / 4
            && copy.size > self.settings.shortPartBytes && !Self.isCrumbly(pieces)
    }

    private static func isCrumbly(_ pieces: PartPieces) -> Bool {
        pieces.whole.count > Limit.partRuns - 2
    }

    // MARK: - Through the coordinator

    /// Reads the bytes and stores them again.
    private func stream(_ copy: PartCopy) async throws(ClusterError) -> CopiedPart? {
        let chunks = (copy.size + UInt64(Limit.chunkBytes) - 1) / UInt64(Limit.chunkBytes)
        copy.progress.plan(.independent, chunks: Int(chunks), bytes: copy.size)
        let object = FoundObject(coordinator: self, target: copy.source, version: copy.version)
        let bytes = ObjectBody(
            reader: object.read(copy.range),
            progress: copy.progress,
            operation: copy.operation
        )
        let body = copy.request.observe.map { $0(bytes) } ?? bytes
        do throws(ClusterError) {
            let stored = try await self.store(
                body,
                at: self.place(of: copy.request.number, in: copy.upload),
                copy.operation
            )
            copy.progress.done(chunks: Int(chunks), bytes: stored.size)
            return CopiedPart(
                etag: stored.etag,
                segments: stored.segments,
                checksums: await body.checksumsAtEnd(),
                bytesMoved: stored.size
            )
        } catch {
            if error.code == .versionGone { return nil }
            throw error
        }
    }
}

/// The bytes of an object as a body to be stored, as long as the copy is wanted.
struct ObjectBody: BodySource {
    let reader: any BodyReader
    let progress: CopyProgress
    let operation: String

    func next() async throws -> ByteBuffer? {
        try self.progress.check(self.operation)
        return try await self.reader.next()
    }
}
