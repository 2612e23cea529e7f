import Content
import Register
import Runtime
import StoreModel

extension Coordinator {
    package func put(
        _ request: PutRequest,
        body: any BodySource
    ) async throws(ClusterError) -> ObjectSummary {
        let operation = "put \(request.name)"
        let (target, promised) = try await self.prepare(request.name)
        try await self.checkEarly(request.condition, target, operation)
        // The promise travels while the body arrives.
        async let promise = self.promise(target.key, unless: promised)
        let draft = self.draft(
            of: self.newVersion(),
            as: request.storageClass,
            at: target,
            ceiling: self.ceiling(for: target.key),
            operation
        )
        self.begin(draft.undertakings)
        defer { self.end(draft.undertakings) }
        let content = try await self.upload(request, body, draft)
        let holding: Holding?
        let placed: VersionContent
        switch content.content {
        case .inline(let bytes):
            holding = nil
            placed = .inline(bytes)
        case .chunks(let segments, let made):
            holding = made
            placed = made.content(segments)
        }
        let version = Version(
            id: draft.entry,
            etag: content.etag,
            size: content.bytes,
            storageClass: request.storageClass,
            modified: self.ballots.now(),
            metadata: request.metadata,
            checksums: request.checksums + (await body.checksumsAtEnd()),
            content: placed
        )
        let stored = try await self.commit(
            version,
            at: target,
            condition: request.condition,
            holding: holding,
            from: await promise,
            operation
        )
        return ObjectSummary(stored)
    }

    /// Refuses a conditional write before its body is sent, if its condition is false already.
    ///
    /// The condition is evaluated again inside the change.
    func checkEarly(
        _ condition: WriteCondition,
        _ target: Target,
        _ operation: String
    ) async throws(ClusterError) {
        guard condition != .none else { return }
        let current = try await self.record(target, operation).current
        switch condition.verdict(on: current) {
        case .holds: return
        case .fails: throw ClusterError(.preconditionFailed, operation)
        case .targetMissing: throw ClusterError(.objectNotFound, operation)
        }
    }

    private func upload(
        _ request: PutRequest,
        _ body: any BodySource,
        _ draft: Draft
    ) async throws(ClusterError) -> UploadedContent<Holding> {
        let upload = ContentUpload(
            replicas: self.chunks,
            budget: self.uploads,
            workers: self.doors.workers,
            settings: self.settings,
            place: ChunkPlace(manifest: draft.manifest, storageClass: draft.storageClass),
            inlineBytes: Limit.inlineBytes,
            bytesMax: Limit.objectBytes,
            open: { () throws(ClusterError) in try await self.open(draft) },
            finish: { segments, isOpen throws(ClusterError) in
                try await self.finish(draft, segments, isOpen: isOpen)
            }
        )
        do {
            return try await upload.run(body, announced: request.announcedBytes)
        } catch {
            self.giveBack(draft)
            if let error = error as? ClusterError { throw error }
            throw ClusterError(.bodyInvalid, draft.operation, cause: error)
        }
    }
}

extension ObjectSummary {
    init(_ version: Version) {
        self.init(
            version: version.id,
            etag: version.etag,
            size: version.size,
            storageClass: version.storageClass,
            modified: version.modified,
            metadata: version.metadata,
            checksums: version.checksums,
            parts: version.parts
        )
    }
}
