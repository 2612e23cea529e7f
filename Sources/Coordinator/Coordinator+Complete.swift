import Content
import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

/// Completing uploads.
///
/// Source: docs/protocol/content.md, "Multipart uploads".
extension Coordinator {
    /// What a completion has found before it writes anything.
    private struct Preparation: Sendable {
        let target: Target
        let promised: PromisedBallot?
        let record: ObjectRecord
        let parts: [PartNumber: PartRecord]
        /// The layout in force before any of it was looked up, if it was stable.
        var stableEpoch: UInt64?
    }

    package func completeUpload(
        _ request: CompleteUploadRequest
    ) async throws(ClusterError) -> CompleteUploadOutcome {
        let operation = "complete \(request.upload)"
        let layout = self.layouts.layout
        var found = try await self.prepareCompletion(request, operation)
        if let layout, !layout.isJoint { found.stableEpoch = layout.epoch }
        guard let upload = found.record.upload(request.upload.id) else {
            return .completed(try Self.repeated(request, found, operation))
        }
        let assembly: UploadAssembly
        do throws(PartRefusal) {
            assembly = try UploadAssembly(
                request,
                of: found.parts,
                least: self.settings.partBytesMin
            )
        } catch { return .refused(error) }
        guard assembly.segments.count <= Limit.segmentRuns else {
            throw ClusterError(
                .tooFragmented,
                operation,
                facts: ["runs": "\(assembly.segments.count)"]
            )
        }
        // A list that is sealed cannot be changed any more: better not to seal one in vain. The
        // condition is evaluated again inside the change.
        if let refusal = request.condition.refusal(on: found.record.current) {
            throw ClusterError(refusal, operation)
        }
        let checksums = try request.checksums(UploadSummary(upload), assembly.parts)
        let version = Version(
            id: self.newVersion(),
            etag: UploadAssembly.etag(of: assembly.parts.map(\.etag)) ?? "",
            size: assembly.size,
            storageClass: upload.storageClass,
            modified: self.ballots.now(),
            metadata: upload.metadata,
            checksums: checksums,
            content: .inline([]),
            upload: upload.id,
            parts: [PartRun](sizes: assembly.parts.map(\.size)),
            tags: upload.tags,
            access: upload.access
        )
        self.begin([.version(version.id)])
        defer { self.end([.version(version.id)]) }
        let stored = try await self.complete(
            upload,
            version,
            assembly,
            request.condition,
            found,
            operation
        )
        return .completed(self.summary(of: stored, at: found.target))
    }

    /// Looks up the upload and its parts, and has a ballot promised: all at once if the bucket is
    /// known.
    private func prepareCompletion(
        _ request: CompleteUploadRequest,
        _ operation: String
    ) async throws(ClusterError) -> Preparation {
        let name = request.upload.object
        @Sendable func prepare(_ bucket: BucketRecord) async -> Result<Preparation, ClusterError> {
            let target = Target(name: name, bucket: bucket)
            async let promise = self.promise(target.key)
            async let record = outcome { () throws(ClusterError) in
                try await self.record(target, operation)
            }
            let parts = await outcome { () throws(ClusterError) in
                try await self.parts(of: request.upload.id, target.key, bucket)
            }
            let (promised, found) = (await promise, await record)
            return await outcome { () throws(ClusterError) in
                Preparation(
                    target: target,
                    promised: promised,
                    record: try found.get(),
                    parts: try parts.get()
                )
            }
        }
        let found = try await self.meanwhile(
            in: name.bucket,
            look: self.writableBucket,
            prepare
        )
        if let result = found.result { return try result.get() }
        return try await prepare(found.bucket).get()
    }

    /// The object that the same completion has made before.
    private static func repeated(
        _ request: CompleteUploadRequest,
        _ found: Preparation,
        _ operation: String
    ) throws(ClusterError) -> ObjectSummary {
        let etag = UploadAssembly.etag(of: request.parts.map(\.etag))
        let made = found.record.versions.first { $0.upload == request.upload.id && $0.etag == etag }
        guard let made else { throw ClusterError(.uploadNotFound, operation) }
        return ObjectSummary(made, in: found.target.bucket)
    }

    /// Seals the list of parts, holds it for the version, and makes that the newest one.
    private func complete(
        _ upload: Upload,
        _ version: Version,
        _ assembly: UploadAssembly,
        _ condition: WriteCondition,
        _ found: Preparation,
        _ operation: String
    ) async throws(ClusterError) -> Version {
        var version = version
        var holding: Holding?
        if assembly.size > 0 {
            let sealed = try await self.seal(upload, version.id, assembly, found, operation)
            do throws(ClusterError) {
                try await self.secureReplaced(assembly, of: upload, found)
            } catch {
                self.giveBack(sealed, found.target)
                throw error
            }
            version.content = sealed.content(assembly.segments)
            holding = sealed
        }
        guard let change = CompleteUploadChange(version, condition: condition) else {
            throw ClusterError(.internalError, operation)
        }
        let outcome = try await self.change(
            found.target,
            holding: holding,
            from: found.promised,
            operation
        ) { bucket in
            var change = change
            change.version.isNull = !bucket.keepsVersions
            return change
        }
        if case .completed(let stored) = outcome, stored.id == version.id { return stored }
        // Not this version: the hold that was to be its own is nobody's.
        if let holding { self.giveBack(holding, found.target) }
        switch outcome {
        case .completed(let stored): return stored
        case .notOpen: throw ClusterError(.uploadNotFound, operation)
        case .refused(let refusal): throw ClusterError(refusal, operation)
        }
    }

    private func seal(
        _ upload: Upload,
        _ entry: VersionID,
        _ assembly: UploadAssembly,
        _ found: Preparation,
        _ operation: String
    ) async throws(ClusterError) -> Holding {
        let holding = Holding(
            manifest: upload.manifest,
            owner: .version(found.target.key, entry),
            digest: ManifestRecord.digest(of: assembly.segments),
            ceiling: found.promised?.ballot.ceiling ?? self.ceiling(for: found.target.key)
        )
        let outcome = try await self.manifests.seal(
            upload.manifest,
            assembly.segments,
            borrows: assembly.borrows,
            for: Hold(owner: holding.owner, ceiling: holding.ceiling)
        )
        if outcome == .held {
            await self.dropUploadHold(upload, found.target)
            return holding
        }
        if outcome == .otherSegments, self.settings.sabotage.contains(.holdIgnoresSegments) {
            return try await self.holdWhatever(holding, operation)
        }
        // Somebody has closed the upload, or completes it with other parts.
        guard try await self.record(found.target, operation).upload(upload.id) != nil else {
            throw ClusterError(.uploadNotFound, operation)
        }
        if outcome == .otherSegments { throw ClusterError(.uploadConflict, operation) }
        throw ClusterError(.busy, operation, facts: ["seal": "\(outcome)"])
    }

    /// Makes sure of parts that have been stored again since they were read, if the layout has
    /// changed meanwhile: the change may have met neither the rows that named their chunks, nor the
    /// sealed list that does now.
    private func secureReplaced(
        _ assembly: UploadAssembly,
        of upload: Upload,
        _ found: Preparation
    ) async throws(ClusterError) {
        guard found.stableEpoch != self.layouts.epoch else { return }
        let now = try await self.parts(of: upload.id, found.target.key, found.target.bucket)
        let replaced = assembly.parts.map(\.number).filter { found.parts[$0] != now[$0] }
        let segments = replaced.flatMap { found.parts[$0]?.segments ?? [] }
        guard !segments.isEmpty else { return }
        try await self.secure(
            segments.filter { $0.manifest == upload.manifest },
            as: upload.storageClass,
            since: 0
        )
    }

    // MARK: - Broken on purpose

    /// Trap H3: the upload's hold goes with the seal.
    private func dropUploadHold(_ upload: Upload, _ target: Target) async {
        guard self.settings.sabotage.contains(.sealReplacesUploadHold) else { return }
        _ = try? await self.manifests.release(
            upload.manifest,
            .upload(target.key, upload.id),
            fence: Ballot(highestOf: upload.ceiling)
        )
    }

    /// Trap H4: a hold of a list that is not the one which the version will name.
    private func holdWhatever(
        _ holding: Holding,
        _ operation: String
    ) async throws(ClusterError) -> Holding {
        let state = try await self.read(.manifest(holding.manifest), operation)
        guard let body = state.body, let record = try? ManifestRecord(decoding: body) else {
            throw ClusterError(.busy, operation)
        }
        _ = try await self.manifests.hold(
            Holding(
                manifest: holding.manifest,
                owner: holding.owner,
                digest: record.list.digest,
                ceiling: holding.ceiling
            )
        )
        return holding
    }
}
