import Content
import NIOCore
import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

extension Coordinator {
    /// Times the source of a copy is looked up because its content went away in between.
    static let sourceAttempts = 5

    /// Everything a copy has decided before it touches content.
    private struct CopyPlan {
        let request: CopyRequest
        /// The bucket of the source, as it was found, and the version that is copied.
        let bucket: BucketRecord
        let source: Version
        /// The target's.
        var checksums: [Checksum]
        let target: Target
        /// The target's bucket was not looked at.
        let isGuess: Bool
        let entry: VersionID
        let progress: CopyProgress
        let operation: String
    }

    package func copy(_ request: CopyRequest) async throws(ClusterError) -> CopyResult {
        let progress = self.copies.begin(request.source, to: request.target)
        return try await self.follow(progress) { () throws(ClusterError) in
            let guess = self.guess(request)
            do throws(ClusterError) {
                return try await self.copy(request, to: guess, progress)
            } catch {
                guard guess != nil, error.code == .bucketNotFound else { throw error }
            }
            // Nothing was written. The bucket as it was seen last is gone; another may be there.
            return try await self.copy(request, to: nil, progress)
        }
    }

    /// The bucket of the target as it was seen last, if a copy may go there without a look at it.
    ///
    /// As with a put of short content the accept itself shows that the bucket is there; a hold that
    /// was taken in vain is given back. Content is not moved on a guess: see ``look(at:)``.
    private func guess(_ request: CopyRequest) -> BucketRecord? {
        guard request.condition == .none, request.mode != .independent else { return nil }
        return self.freshHint(of: request.target.bucket)
    }

    /// Looks whether the bucket of the target is still as the copy has taken it to be.
    ///
    /// - Throws: `bucketNotFound` if not.
    private func look(at plan: CopyPlan) async throws(ClusterError) {
        guard plan.isGuess else { return }
        let bucket = try await self.writableBucket(plan.target.name.bucket)
        guard bucket.isSameGeneration(as: plan.target.bucket) else {
            throw ClusterError(.bucketNotFound, plan.operation)
        }
    }

    /// Copies into the bucket as it was seen last; looks at it if that is nil.
    private func copy(
        _ request: CopyRequest,
        to guess: BucketRecord?,
        _ progress: CopyProgress
    ) async throws(ClusterError) -> CopyResult {
        let operation = "copy \(request.source) to \(request.target)"
        async let found = outcome { () throws(ClusterError) in
            try await self.lookUp(request.source, version: request.sourceVersion, operation)
        }
        let bucket =
            if let guess { guess } else {
                try await self.writableBucket(request.target.bucket)
            }
        let target = Target(name: request.target, bucket: bucket)
        var (source, version) = try Self.asSource(await found, operation)
        var entry = self.newVersion()
        for attempt in 1...Self.sourceAttempts {
            try request.sourceCheck(ObjectSummary(version, in: source.bucket))
            guard version.size <= request.sizeMax else {
                throw ClusterError(
                    .entityTooLarge,
                    operation,
                    facts: ["bytes": "\(version.size)", "max": "\(request.sizeMax)"]
                )
            }
            var plan = CopyPlan(
                request: request,
                bucket: source.bucket,
                source: version,
                checksums: version.checksums,
                target: target,
                isGuess: guess != nil,
                entry: entry,
                progress: progress,
                operation: operation
            )
            let found = Target(name: request.source, bucket: source.bucket)
            if let checksums = try await self.checksums(plan, found) {
                plan.checksums = checksums
                if let result = try await self.carryOut(plan) { return result }
            }
            if attempt == Self.sourceAttempts { break }
            if !self.settings.sabotage.contains(.auditIgnoresManifest) { entry = self.newVersion() }
            version = try Self.asSource(
                await outcome { () throws(ClusterError) in
                    try await self.version(request.sourceVersion, of: source, operation)
                },
                operation
            )
        }
        throw ClusterError(.busy, operation, facts: ["attempts": "\(Self.sourceAttempts)"])
    }

    static func asSource<Value>(
        _ result: Result<Value, ClusterError>,
        _ operation: String
    ) throws(ClusterError) -> Value {
        switch result {
        case .success(let value): return value
        case .failure(let error):
            switch error.code {
            case .bucketNotFound: throw ClusterError(.sourceBucketNotFound, operation)
            case .objectNotFound: throw ClusterError(.sourceNotFound, operation)
            case .versionIsMarker: throw ClusterError(.sourceIsMarker, operation)
            default: throw error
            }
        }
    }

    /// - Returns: nil if the source's content is gone: it has to be looked up again.
    private func carryOut(_ plan: CopyPlan) async throws(ClusterError) -> CopyResult? {
        switch plan.source.content {
        case .inline(let bytes):
            plan.progress.plan(.independent, chunks: 0, bytes: plan.source.size)
            if bytes.count > plan.target.bucket.inlineBytes {
                try await self.look(at: plan)
                return try await self.write(bytes, plan)
            }
            let stored = try await self.commit(plan, .inline(bytes), holding: nil, from: nil)
            return self.result(plan, stored, .independent)
        case .manifest(let manifest, let segments, let digest, _):
            let content = SharedContent(
                manifest: manifest,
                storageClass: plan.source.storageClass,
                segments: segments,
                digest: digest
            )
            let isSameClass = plan.source.storageClass == plan.request.storageClass
            if plan.request.mode != .independent, isSameClass {
                return try await self.refer(plan, to: content)
            }
            try await self.look(at: plan)
            let found = await outcome { () throws(ClusterError) in
                try await self.segments(of: plan.source.content, plan.operation)
            }
            if case .failure(let error) = found, error.code == .dataUnavailable { return nil }
            let whole = SharedContent(
                manifest: manifest,
                storageClass: plan.source.storageClass,
                segments: try found.get(),
                digest: digest
            )
            return try await self.pull(plan, whole)
        }
    }

    /// The target's checksums: the source's, or computed if the request asks for others.
    ///
    /// - Returns: nil if the source's content is gone: it has to be looked up again.
    private func checksums(
        _ plan: CopyPlan,
        _ found: Target
    ) async throws(ClusterError) -> [Checksum]? {
        guard let observe = plan.request.observe else { return plan.checksums }
        let object = FoundObject(coordinator: self, target: found, version: plan.source)
        let bytes = ObjectBody(
            reader: object.read(0..<plan.source.size),
            progress: plan.progress,
            operation: plan.operation
        )
        let summary = ObjectSummary(plan.source, in: plan.bucket)
        guard let body = observe(summary, bytes) else { return plan.checksums }
        do {
            while try await body.next() != nil {}
            return await body.checksumsAtEnd()
        } catch let error as ClusterError {
            if error.code == .versionGone { return nil }
            throw error
        } catch {
            throw ClusterError(.internalError, plan.operation, cause: error)
        }
    }

    private func commit(
        _ plan: CopyPlan,
        _ content: VersionContent,
        holding: Holding?,
        from promised: PromisedBallot?
    ) async throws(ClusterError) -> Version {
        var metadata = plan.request.metadata ?? plan.source.metadata
        if plan.request.metadata == nil { metadata.websiteRedirect = plan.request.websiteRedirect }
        let version = Version(
            id: plan.entry,
            etag: plan.source.etag,
            size: plan.source.size,
            storageClass: plan.request.storageClass,
            modified: self.ballots.now(),
            metadata: metadata,
            checksums: plan.checksums,
            content: content,
            tags: plan.request.tags ?? plan.source.tags,
            access: plan.request.access
        )
        return try await self.commit(
            version,
            at: plan.target,
            condition: plan.request.condition,
            holding: holding,
            from: promised,
            plan.operation
        )
    }

    private func result(
        _ plan: CopyPlan,
        _ stored: Version,
        _ mode: CopyRequest.Mode,
        chunksPulled: Int = 0,
        bytesMoved: UInt64 = 0
    ) -> CopyResult {
        var result = CopyResult(
            summary: self.summary(of: stored, at: plan.target),
            mode: mode,
            chunksPulled: chunksPulled,
            bytesMoved: bytesMoved
        )
        result.source = ObjectSummary(plan.source, in: plan.bucket).name
        return result
    }

    /// A manifest of the copy's own.
    private func draft(_ plan: CopyPlan) -> Draft {
        self.draft(
            of: plan.entry,
            as: plan.request.storageClass,
            at: plan.target,
            ceiling: self.ceiling(for: plan.target.key),
            plan.operation
        )
    }

    /// Stores content that is inline in the source and too long to be inline in the target, whose
    /// bucket keeps versions.
    private func write(_ bytes: [UInt8], _ plan: CopyPlan) async throws(ClusterError) -> CopyResult
    {
        async let promise = self.promise(plan.target.key)
        let draft = self.draft(plan)
        self.begin(draft.undertakings)
        defer { self.end(draft.undertakings) }
        let body = InlineBody(ByteBuffer(bytes: bytes))
        let content = try await self.upload(body, announced: UInt64(bytes.count), draft)
        let (placed, holding) = content.placed
        let stored = try await self.commit(plan, placed, holding: holding, from: await promise)
        return self.result(plan, stored, .independent, bytesMoved: plan.source.size)
    }

    // MARK: - By reference

    /// Holds the source's manifest for the target, or a child of it, and names it there.
    ///
    /// No content moves. The target's ballot is promised while the hold is taken, and by the same
    /// syncs; promised with the look at the source it would cost a sync of its own.
    ///
    /// - Returns: nil if the source's content is gone.
    private func refer(
        _ plan: CopyPlan,
        to content: SharedContent
    ) async throws(ClusterError) -> CopyResult? {
        plan.progress.plan(.reference, chunks: 0, bytes: plan.source.size)
        async let promise = self.promise(plan.target.key)
        let wanted = WantedHold(
            key: plan.target.key,
            entry: plan.entry,
            ceiling: self.ceiling(for: plan.target.key),
            generation: plan.target.bucket.generation
        )
        let undertakings = [Undertaking.version(plan.entry)]
        self.begin(undertakings)
        defer { self.end(undertakings) }
        guard let holding = try await self.hold(content, wanted) else { return nil }
        let stored = try await self.commit(
            plan,
            holding.content(content.segments),
            holding: holding,
            from: await promise
        )
        if self.settings.sabotage.contains(.holdAfterAccept) {
            _ = try? await self.manifests.hold(holding)
        }
        return self.result(plan, stored, .reference)
    }

    /// Takes out the hold, unless rule R1 is broken on purpose.
    private func hold(
        _ content: SharedContent,
        _ wanted: WantedHold
    ) async throws(ClusterError) -> Holding? {
        let broken: Sabotage = [.copyWithoutHold, .holdAfterAccept]
        if self.settings.sabotage.isDisjoint(with: broken) {
            return try await self.manifests.reach(content, for: wanted)
        }
        return Holding(
            manifest: content.manifest,
            owner: wanted.hold.owner,
            digest: content.digest,
            ceiling: wanted.ceiling
        )
    }

    // MARK: - Independent

    /// Has the target's replicas pull all chunks into a manifest of the target's own.
    ///
    /// - Returns: nil if the source's content is gone.
    /// - Throws: what a chunk fails with, or `cancelled`: what was made is given back, in the
    ///   background.
    private func pull(
        _ plan: CopyPlan,
        _ source: SharedContent
    ) async throws(ClusterError) -> CopyResult? {
        try plan.progress.check(plan.operation)
        async let promise = self.promise(plan.target.key)
        guard let pin = try await self.pin(source, for: plan.target) else { return nil }
        defer { self.unpin(pin) }
        let draft = self.draft(plan)
        self.begin(draft.undertakings)
        defer { self.end(draft.undertakings) }
        var pulls = ChunkPulls(
            into: ChunkPlace(manifest: draft.manifest, storageClass: draft.storageClass),
            chunks: self.chunks,
            progress: plan.progress
        )
        let segments = pulls.pull(source.segments)
        let (moved, holding) = try await self.fill(draft, segments, pulls)
        let stored = try await self.commit(
            plan,
            holding.content(segments),
            holding: holding,
            from: await promise
        )
        return self.result(
            plan,
            stored,
            .independent,
            chunksPulled: pulls.chunkCount,
            bytesMoved: moved
        )
    }

    /// Pulls chunks into a manifest that is created for them.
    private func fill(
        _ draft: Draft,
        _ segments: [SegmentRun],
        _ pulls: ChunkPulls
    ) async throws(ClusterError) -> (bytesMoved: UInt64, Holding) {
        let bytes = pulls.contentBytes
        pulls.progress.plan(.independent, chunks: pulls.chunkCount, bytes: bytes)
        let isOpen = bytes > self.settings.openManifestBytes
        let epoch = self.layouts.epoch
        do throws(ClusterError) {
            if isOpen { try await self.open(draft) }
            let moved = try await pulls.run().bytesMoved
            self.instruments.pulled(storedBytes: moved)
            let holding = try await self.finish(draft, segments, isOpen: isOpen)
            try await self.secure(segments, as: draft.storageClass, since: epoch)
            return (moved, holding)
        } catch {
            self.giveBack(draft) { await pulls.awaitStragglers() }
            throw error
        }
    }
}

/// Bytes that are here already, as a body.
private actor InlineBody: BodySource {
    private var bytes: ByteBuffer?

    init(_ bytes: ByteBuffer) { self.bytes = bytes }

    func next() -> ByteBuffer? {
        defer { self.bytes = nil }
        return self.bytes
    }
}
