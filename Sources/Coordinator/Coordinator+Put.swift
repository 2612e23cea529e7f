import Content
import Placement
import Register
import Runtime
import StoreModel

extension Coordinator {
    package func put(
        _ request: PutRequest,
        body: any BodySource
    ) async throws(ClusterError) -> ObjectSummary {
        let operation = "put \(request.name)"
        let guess = self.guess(request)
        let (target, promised) =
            if let guess {
                (guess, PromisedBallot?.none)
            } else {
                try await self.prepare(request.name)
            }
        try await self.checkEarly(request.condition, target, promised, operation)
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
        let content = try await self.upload(body, announced: request.announcedBytes, draft)
        let (placed, holding) = content.placed
        let version = Version(
            id: draft.entry,
            etag: content.etag,
            size: content.bytes,
            storageClass: request.storageClass,
            modified: self.ballots.now(),
            metadata: request.metadata,
            checksums: request.checksums + (await body.checksumsAtEnd()),
            content: placed,
            tags: request.tags,
            access: request.access
        )
        do throws(ClusterError) {
            let stored = try await self.commit(
                version,
                at: target,
                condition: request.condition,
                holding: holding,
                from: await promise,
                operation
            )
            return self.summary(of: stored, at: target)
        } catch {
            // Nothing was written. The bucket as it was seen last is gone; another may be there.
            guard guess != nil, error.code == .bucketNotFound else { throw error }
        }
        guard holding == nil else {
            _ = try await self.writableBucket(request.name.bucket)
            // Its chunks have been given back: the client has to send it once more.
            throw ClusterError(.busy, operation)
        }
        let (again, fresh) = try await self.prepare(request.name)
        let stored = try await self.commit(
            version,
            at: again,
            condition: request.condition,
            holding: nil,
            from: fresh,
            operation
        )
        return self.summary(of: stored, at: again)
    }

    /// Where a put goes without a look at the bucket.
    ///
    /// The bucket as it was last seen suffices for an accept: if it is chosen the bucket was there,
    /// since deleting it would have shut out accepts of this generation first. Nothing else may be
    /// concluded from a guess, so that a put with a condition never makes one; nor does one of more
    /// than a chunk, which would be sent for nothing if the bucket is gone.
    private func guess(_ request: PutRequest) -> Target? {
        guard request.condition == .none,
            let announced = request.announcedBytes, announced <= UInt64(Limit.chunkBytes),
            let hint = self.freshHint(of: request.name.bucket)
        else { return nil }
        return Target(name: request.name, bucket: hint)
    }

    /// Refuses a conditional write before its body is sent, if its condition is false already.
    ///
    /// The condition is evaluated again inside the change. A promise that the operation has been
    /// given may show what is chosen already; otherwise the register is read.
    func checkEarly(
        _ condition: WriteCondition,
        _ target: Target,
        _ promised: PromisedBallot?,
        _ operation: String
    ) async throws(ClusterError) {
        guard condition != .none else { return }
        var known: ObjectRecord?
        if let shown = promised?.shown, shown.isEvidence {
            do throws(RecordError) {
                known = try ObjectRecord(shown.value)
            } catch { throw ClusterError(.internalError, operation, cause: error) }
        }
        let current =
            if let known, known.incoming == nil {
                known.current
            } else {
                try await self.record(target, operation).current
            }
        if let refusal = condition.refusal(on: current) { throw ClusterError(refusal, operation) }
    }

    /// Stores a body: in the version itself if it is short, otherwise in a manifest of its own.
    ///
    /// What was stored is given back if this throws.
    func upload(
        _ body: any BodySource,
        announced: UInt64?,
        _ draft: Draft
    ) async throws(ClusterError) -> UploadedContent<Holding> {
        let upload = ContentUpload(
            replicas: self.chunks,
            budget: self.uploads,
            workers: self.doors.workers,
            settings: self.settings,
            place: ChunkPlace(manifest: draft.manifest, storageClass: draft.storageClass),
            inlineBytes: draft.target.bucket.inlineBytes,
            bytesMax: Limit.objectBytes,
            open: { () throws(ClusterError) in try await self.open(draft) },
            finish: { segments, isOpen throws(ClusterError) in
                try await self.finish(draft, segments, isOpen: isOpen)
            }
        )
        let epoch = self.layouts.epoch
        do {
            let uploaded = try await upload.run(body, announced: announced)
            if case .chunks(let segments, _) = uploaded.content {
                try await self.secure(segments, as: draft.storageClass, since: epoch)
            }
            return uploaded
        } catch {
            self.giveBack(draft)
            if let error = error as? ClusterError { throw error }
            throw ClusterError(.bodyInvalid, draft.operation, cause: error)
        }
    }
}

extension UploadedContent<Holding> {
    /// What the version says of its content, and what that takes.
    var placed: (VersionContent, Holding?) {
        switch self.content {
        case .inline(let bytes): (.inline(bytes), nil)
        case .chunks(let segments, let made): (made.content(segments), made)
        }
    }
}

extension BucketRecord {
    /// Whether new versions leave those that are there alone.
    var keepsVersions: Bool { self.settings.versioning == .enabled }

    /// Longest content that a version has in itself, in bytes: less where a key may have many.
    var inlineBytes: Int {
        self.settings.versioning == .never ? Limit.inlineBytes : Limit.versionedInlineBytes
    }
}

extension ObjectSummary {
    init(_ version: Version, in bucket: BucketRecord) {
        let isNameless = version.isNull && bucket.settings.versioning == .never
        self.init(
            version: version.id,
            name: isNameless ? nil : version.name,
            etag: version.etag,
            size: version.size,
            storageClass: version.storageClass,
            modified: version.modified,
            metadata: version.metadata,
            checksums: version.checksums,
            parts: version.parts,
            tags: version.tags,
            access: version.access
        )
    }
}
