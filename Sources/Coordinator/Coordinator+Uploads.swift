import Content
import PeerProtocol
import Register
import Runtime
import StoreModel

/// Multipart uploads: opening and closing them.
///
/// Source: docs/protocol/content.md, "Multipart uploads".
extension Coordinator {
    package func createUpload(
        _ request: CreateUploadRequest
    ) async throws(ClusterError) -> UploadSummary {
        let operation = "create an upload of \(request.name)"
        let (target, promised) = try await self.prepare(request.name)
        async let promise = self.promise(target.key, unless: promised)
        let upload = Upload(
            id: UploadID(high: self.doors.random.next(), low: self.doors.random.next()),
            manifest: self.ballots.manifest(in: target.key.partition),
            ceiling: self.ceiling(for: target.key),
            storageClass: request.storageClass,
            initiated: self.ballots.now(),
            checksum: request.checksum,
            metadata: request.metadata,
            tags: request.tags,
            access: request.access
        )
        let holding = Holding(upload, of: target)
        self.begin([.manifest(upload.manifest)])
        defer { self.end([.manifest(upload.manifest)]) }
        try await self.manifests.create(
            upload.manifest,
            as: upload.storageClass,
            segments: nil,
            for: Hold(owner: holding.owner, ceiling: holding.ceiling)
        )
        let outcome = try await self.change(
            target,
            holding: holding,
            from: await promise,
            operation
        ) { _ in OpenUploadChange(upload) }
        switch outcome {
        case .opened(let opened): return UploadSummary(opened)
        case .full:
            self.giveBack(holding, target)
            throw ClusterError(.tooManyUploads, operation, facts: ["max": "\(Limit.uploads)"])
        }
    }

    package func upload(_ name: UploadName) async throws(ClusterError) -> UploadSummary {
        UploadSummary(try await self.openUpload(name, "look up \(name)").upload)
    }

    package func abortUpload(_ name: UploadName) async throws(ClusterError) {
        let operation = "abort \(name)"
        let (target, promised) = try await self.prepare(name.object)
        switch try await self.change(
            target,
            AbortUploadChange(name.id, now: self.ballots.now()),
            WriteTerms(promised: promised),
            operation
        ) {
        case .aborted: return
        case .notOpen: throw ClusterError(.uploadNotFound, operation)
        case .refused(let refusal): throw ClusterError(refusal, operation)
        }
    }

    /// The upload and where it is, in one round trip if the bucket is known.
    ///
    /// Throws `uploadNotFound` if it is not open.
    func openUpload(
        _ name: UploadName,
        _ operation: String
    ) async throws(ClusterError) -> (target: Target, upload: Upload) {
        let found = try await self.meanwhile(in: name.object.bucket, look: self.bucketRecord) {
            hint in
            await outcome { () throws(ClusterError) in
                try await self.record(Target(name: name.object, bucket: hint), operation)
            }
        }
        let target = Target(name: name.object, bucket: found.bucket)
        let record: ObjectRecord
        if let result = found.result {
            record = try result.get()
        } else {
            record = try await self.record(target, operation)
        }
        guard let upload = record.upload(name.id) else {
            throw ClusterError(.uploadNotFound, operation)
        }
        return (target, upload)
    }

    /// Changes an object's register for something that holds content (rules R1 and R2).
    ///
    /// The hold is given back in the background if the change certainly had no effect.
    ///
    /// - Throws: as ``commit(_:at:condition:holding:from:_:)``.
    func change<Change: RegisterChange>(
        _ target: Target,
        holding: Holding?,
        from promised: PromisedBallot?,
        _ operation: String,
        making make: (BucketRecord) -> Change
    ) async throws(ClusterError) -> Change.Outcome {
        let hold = holding.map { self.manifests.changeHold($0) }
        do throws(ClusterError) {
            let terms = WriteTerms(promised: promised, hold: hold)
            return try await self.change(target, terms, operation, making: make)
        } catch {
            if let holding, error.code != .outcomeUnknown { self.giveBack(holding, target) }
            throw error
        }
    }

    /// Takes a hold back in the background that nobody will need.
    func giveBack(_ holding: Holding, _ target: Target) {
        self.doors.background.run { await self.manifests.abandon(holding, target) }
    }
}

extension Holding {
    /// The hold that an upload has on the manifest of its parts.
    init(_ upload: Upload, of target: Target) {
        self.init(
            manifest: upload.manifest,
            owner: .upload(target.key, upload.id),
            digest: ManifestRecord.digest(of: []),
            ceiling: upload.ceiling
        )
    }
}

extension UploadSummary {
    init(_ upload: Upload) {
        self.init(
            id: upload.id,
            storageClass: upload.storageClass,
            initiated: upload.initiated,
            checksum: upload.checksum,
            owner: upload.access.owner
        )
    }
}
