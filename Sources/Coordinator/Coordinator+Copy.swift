import Content
import PeerProtocol
import Register
import Runtime
import StoreModel

extension Coordinator {
    /// Times the source of a copy is looked up because its content went away in between.
    private static let sourceAttempts = 5

    /// Everything a copy has decided before it touches content.
    private struct CopyPlan {
        let request: CopyRequest
        let source: Version
        let target: Target
        let entry: VersionID
        let operation: String
    }

    package func copy(_ request: CopyRequest) async throws(ClusterError) -> CopyResult {
        let operation = "copy \(request.source) to \(request.target)"
        // The ballot is promised while the source is read.
        async let found = outcome { () throws(ClusterError) in
            try await self.lookUp(request.source, operation)
        }
        let (target, promised) = try await self.prepare(request.target)
        async let promise = self.promise(target.key, unless: promised)
        var (source, version) = try Self.asSource(await found, operation)
        let prepared = await promise
        for attempt in 1...Self.sourceAttempts {
            try request.sourceCheck(ObjectSummary(version))
            guard version.size <= request.sizeMax else {
                throw ClusterError(
                    .entityTooLarge,
                    operation,
                    facts: ["bytes": "\(version.size)", "max": "\(request.sizeMax)"]
                )
            }
            let plan = CopyPlan(
                request: request,
                source: version,
                target: target,
                entry: self.newVersion(),
                operation: operation
            )
            if let result = try await self.carryOut(plan, from: prepared) { return result }
            if attempt == Self.sourceAttempts { break }
            version = try Self.asSource(
                await outcome { () throws(ClusterError) in
                    try await self.current(source, operation)
                },
                operation
            )
        }
        throw ClusterError(.busy, operation, facts: ["attempts": "\(Self.sourceAttempts)"])
    }

    private static func asSource<Value>(
        _ result: Result<Value, ClusterError>,
        _ operation: String
    ) throws(ClusterError) -> Value {
        switch result {
        case .success(let value): return value
        case .failure(let error):
            switch error.code {
            case .bucketNotFound: throw ClusterError(.sourceBucketNotFound, operation)
            case .objectNotFound: throw ClusterError(.sourceNotFound, operation)
            default: throw error
            }
        }
    }

    /// - Returns: nil if the source's content is gone: it has to be looked up again.
    private func carryOut(
        _ plan: CopyPlan,
        from prepared: Prepared?
    ) async throws(ClusterError) -> CopyResult? {
        switch plan.source.content {
        case .inline(let bytes):
            let stored = try await self.commit(plan, .inline(bytes), holding: nil, from: prepared)
            return CopyResult(
                summary: ObjectSummary(stored),
                mode: .independent,
                chunksPulled: 0,
                bytesMoved: 0
            )
        case .manifest(let manifest, let segments, let digest, _):
            let isSameClass = plan.source.storageClass == plan.request.storageClass
            if plan.request.mode != .independent, isSameClass {
                let reference = try await self.refer(
                    plan,
                    to: manifest,
                    segments,
                    digest,
                    from: prepared
                )
                switch reference {
                case .made(let result): return result
                case .gone: return nil
                case .full: break
                }
            }
            return try await self.pull(plan, manifest, segments, digest, from: prepared)
        }
    }

    private func commit(
        _ plan: CopyPlan,
        _ content: VersionContent,
        holding: Holding?,
        from prepared: Prepared?
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
            checksums: plan.source.checksums,
            content: content
        )
        return try await self.commit(
            version,
            at: plan.target,
            condition: plan.request.condition,
            holding: holding,
            from: prepared,
            plan.operation
        )
    }

    // MARK: - By reference

    private enum Reference {
        case made(CopyResult)
        case gone
        case full
    }

    /// Holds the source's manifest for the target, and names it there.
    ///
    /// No content moves.
    private func refer(
        _ plan: CopyPlan,
        to manifest: ManifestID,
        _ segments: [SegmentRun],
        _ digest: UInt64,
        from prepared: Prepared?
    ) async throws(ClusterError) -> Reference {
        let ceiling = prepared?.ballot.ceiling ?? self.ceiling(for: plan.target.key)
        let holding = Holding(
            manifest: manifest,
            owner: .version(plan.target.key, plan.entry),
            digest: digest,
            ceiling: ceiling
        )
        if !self.settings.sabotage.contains(.copyWithoutHold) {
            switch try await self.manifests.hold(holding) {
            case .held: break
            case .gone, .otherSegments: return .gone
            case .full: return .full
            }
        }
        let stored = try await self.commit(
            plan,
            holding.content(segments),
            holding: holding,
            from: prepared
        )
        return .made(
            CopyResult(
                summary: ObjectSummary(stored),
                mode: .reference,
                chunksPulled: 0,
                bytesMoved: 0
            )
        )
    }

    // MARK: - Independent

    /// Has the target's replicas pull all chunks into a manifest of the target's own.
    ///
    /// - Returns: nil if the source's content is gone.
    private func pull(
        _ plan: CopyPlan,
        _ source: ManifestID,
        _ segments: [SegmentRun],
        _ digest: UInt64,
        from prepared: Prepared?
    ) async throws(ClusterError) -> CopyResult? {
        guard let pin = try await self.pin(source, digest, plan) else { return nil }
        defer {
            self.doors.background.run {
                // The pin's owner is nobody's version: any fence lies above its ceiling.
                let fence = self.ballots.ballot(above: .zero, for: plan.target.key)
                _ = try? await self.manifests.release(source, pin, fence: fence)
            }
        }
        let draft = self.draft(
            of: plan.entry,
            as: plan.request.storageClass,
            at: plan.target,
            ceiling: prepared?.ballot.ceiling ?? self.ceiling(for: plan.target.key),
            plan.operation
        )
        let isOpen = plan.source.size > self.settings.openManifestBytes
        if isOpen { try await self.open(draft) }
        let pulls = ChunkPulls(
            segments,
            into: draft.manifest,
            as: draft.storageClass,
            chunks: self.chunks,
            settings: self.settings
        )
        let moved: UInt64
        let holding: Holding
        do throws(ClusterError) {
            moved = try await pulls.run()
            self.instruments.pulled(storedBytes: moved)
            holding = try await self.finish(draft, pulls.target, isOpen: isOpen)
        } catch {
            self.giveBack(draft)
            throw error
        }
        let content = holding.content(pulls.target)
        let stored = try await self.commit(plan, content, holding: holding, from: prepared)
        return CopyResult(
            summary: ObjectSummary(stored),
            mode: .independent,
            chunksPulled: pulls.chunkCount,
            bytesMoved: moved
        )
    }

    /// Keeps the source's content while it is pulled, whatever happens to its version.
    ///
    /// The hold names an entry that no version will ever have, with the lowest of ceilings.
    ///
    /// - Returns: nil if the content is gone.
    private func pin(
        _ source: ManifestID,
        _ digest: UInt64,
        _ plan: CopyPlan
    ) async throws(ClusterError) -> Owner? {
        let owner = Owner.version(plan.target.key, self.newVersion())
        let holding = Holding(manifest: source, owner: owner, digest: digest, ceiling: .zero)
        switch try await self.manifests.hold(holding) {
        // A full manifest has many other holders: the copy goes on without a hold of its own.
        case .held, .full: return owner
        case .gone, .otherSegments: return nil
        }
    }
}
