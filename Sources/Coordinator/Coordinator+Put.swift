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
        let entry = self.newVersion()
        let hold = Hold(
            owner: .version(target.key, entry),
            ceiling: self.ceiling(for: target.key)
        )
        let content = try await self.upload(request, body, target, hold, operation)
        let holding: Holding?
        let placed: VersionContent
        switch content.content {
        case .inline(let bytes):
            holding = nil
            placed = .inline(bytes)
        case .chunks(let manifest, let segments, let isOpen):
            let made = try await self.own(
                manifest,
                segments,
                hold,
                isOpen,
                request,
                target,
                operation
            )
            holding = made
            placed = .manifest(
                manifest,
                segments: segments,
                digest: made.digest,
                ceiling: hold.ceiling
            )
        }
        let version = Version(
            id: entry,
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
        _ target: Target,
        _ hold: Hold,
        _ operation: String
    ) async throws(ClusterError) -> UploadedContent {
        let manifest = self.ballots.manifest(in: target.key.partition)
        let upload = ContentUpload(
            replicas: self.chunks,
            budget: self.uploads,
            workers: self.doors.workers,
            settings: self.settings,
            storageClass: request.storageClass,
            manifest: manifest,
            bytesMax: Limit.objectBytes
        ) { () throws(ClusterError) in
            try await self.manifests.create(
                manifest,
                as: request.storageClass,
                segments: nil,
                for: hold
            )
        }
        do {
            return try await upload.run(body, announced: request.announcedBytes)
        } catch {
            self.giveBack(manifest, hold, target)
            if let error = error as? ClusterError { throw error }
            throw ClusterError(.bodyInvalid, operation, cause: error)
        }
    }

    /// Removes what a failed operation has stored under a manifest that no version will name.
    ///
    /// In the background. A manifest that exists is released, one that does not is made sure never
    /// to.
    func giveBack(_ manifest: ManifestID, _ hold: Hold, _ target: Target) {
        let holding = Holding(
            manifest: manifest,
            owner: hold.owner,
            digest: ManifestRecord.digest(of: []),
            ceiling: hold.ceiling
        )
        self.doors.background.run {
            guard case .alive? = try? await self.manifests.kill(manifest) else {
                await self.manifests.abandon(manifest)
                return
            }
            await self.manifests.abandon(holding, target)
        }
    }

    /// Creates the manifest of durable chunks, or seals it if it was opened before.
    private func own(
        _ manifest: ManifestID,
        _ segments: [SegmentRun],
        _ hold: Hold,
        _ isOpen: Bool,
        _ request: PutRequest,
        _ target: Target,
        _ operation: String
    ) async throws(ClusterError) -> Holding {
        try await self.finish(
            manifest,
            as: request.storageClass,
            segments,
            hold,
            isOpen: isOpen,
            target,
            operation
        )
    }

    /// Gives a manifest its segments and its hold; takes everything back if that fails.
    func finish(
        _ manifest: ManifestID,
        as storageClass: StorageClass,
        _ segments: [SegmentRun],
        _ hold: Hold,
        isOpen: Bool,
        _ target: Target,
        _ operation: String
    ) async throws(ClusterError) -> Holding {
        do throws(ClusterError) {
            if isOpen {
                let outcome = try await self.manifests.seal(manifest, segments, for: hold)
                guard outcome == .held else {
                    throw ClusterError(.busy, operation, facts: ["seal": "\(outcome)"])
                }
            } else {
                try await self.manifests.create(
                    manifest,
                    as: storageClass,
                    segments: segments,
                    for: hold
                )
            }
        } catch {
            self.giveBack(manifest, hold, target)
            throw error
        }
        return Holding(
            manifest: manifest,
            owner: hold.owner,
            digest: ManifestRecord.digest(of: segments),
            ceiling: hold.ceiling
        )
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
            checksums: version.checksums
        )
    }
}
