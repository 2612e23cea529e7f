import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

/// Listing uploads and their parts.
extension Coordinator {
    package func listParts(_ request: ListPartsRequest) async throws(ClusterError) -> PartPage {
        let operation = "list the parts of \(request.upload)"
        let (target, upload) = try await self.openUpload(request.upload, operation)
        let (parts, next) = try await self.parts(
            of: upload.id,
            target.key,
            target.bucket,
            after: request.after,
            limit: request.limit
        )
        return PartPage(
            upload: UploadSummary(upload),
            parts: parts.map { PartSummary($0.number, $0.record) },
            next: next
        )
    }

    /// All parts of an upload, as a majority of their replicas has them.
    ///
    /// - Parameters:
    ///   - upload: The upload, open or not.
    ///   - key: The register of its object.
    ///   - bucket: In whose generation a part that is in doubt is completed; nil: in the one that
    ///     the bucket has by now, if there still is one.
    /// - Returns: the parts by number.
    /// - Throws: `quorumUnavailable`.
    func parts(
        of upload: UploadID,
        _ key: RegisterKey,
        _ bucket: BucketRecord?
    ) async throws(ClusterError) -> [PartNumber: PartRecord] {
        var all: [PartNumber: PartRecord] = [:]
        var after: PartNumber?
        while true {
            let page = try await self.parts(
                of: upload,
                key,
                bucket,
                after: after,
                limit: Limit.listEntries
            )
            for (number, record) in page.parts { all[number] = record }
            guard let next = page.next else { return all }
            after = next
        }
    }

    private func parts(
        of upload: UploadID,
        _ key: RegisterKey,
        _ bucket: BucketRecord?,
        after: PartNumber?,
        limit: Int
    ) async throws(ClusterError) -> (
        parts: [(number: PartNumber, record: PartRecord)], next: PartNumber?
    ) {
        guard case .object(let id, let object) = key else { return ([], nil) }
        let listing = self.listing(in: key.partition) {
            part throws(ClusterError) in
            try await self.part(part, bucket)
        }
        let page = try await listing.entries(
            .parts(id, upload),
            after: after.map { $0.encoded + object.bytes },
            limit: limit
        )
        var parts: [(number: PartNumber, record: PartRecord)] = []
        for case .row(.part(_, object, _, let number), let body) in page.entries {
            do throws(RecordError) {
                parts.append((number, try PartRecord(decoding: body)))
            } catch {
                throw ClusterError(.internalError, "read part \(number) of \(upload)", cause: error)
            }
        }
        return (parts, page.next == nil ? nil : parts.last?.number)
    }

    /// The record of one part, where its replicas do not agree.
    private func part(
        _ part: RegisterKey,
        _ bucket: BucketRecord?
    ) async throws(ClusterError) -> [UInt8]? {
        if let bucket {
            return try await self.read(part, generation: bucket.generation, "read \(part)").body
        }
        return try await self.completed(part, "read \(part)").body
    }

    /// What a register holds, whether or not its bucket is there any more.
    func completed(
        _ key: RegisterKey,
        _ operation: String
    ) async throws(ClusterError) -> RegisterState {
        do {
            return try await self.completing(key) { generation throws(RegisterError) in
                try await self.proposer.read(
                    key,
                    generation: generation,
                    deadline: self.settings.changeDeadline
                )
            }
        } catch let error as RegisterError {
            throw ClusterError(error, operation)
        } catch let error as ClusterError {
            throw error
        } catch {
            throw ClusterError(.internalError, operation, cause: error)
        }
    }

    package func listUploads(
        _ request: ListUploadsRequest
    ) async throws(ClusterError) -> UploadPage {
        let operation = "list the uploads of \(request.bucket)"
        let bucket = try await self.bucketRecord(request.bucket)
        guard request.limit > 0 else { return UploadPage(entries: [], next: nil) }
        var entries: [UploadPage.Entry] = []
        if let after = request.after, let upload = after.upload,
            let key = ObjectKey(String(decoding: after.name, as: UTF8.self))
        {
            // The rest of the key with which the last page ended.
            let target = Target(name: ObjectName(request.bucket, key), bucket: bucket)
            let record = try await self.record(target, operation)
            entries = record.uploads.filter { upload < $0.id }.map {
                .upload(key, UploadSummary($0))
            }
        }
        let listing = self.uploadListing(of: bucket, request.bucket)
        let page = try await listing.entries(
            .uploads(bucket.id, prefix: request.prefix, delimiter: request.delimiter),
            after: request.after?.name,
            limit: request.limit
        )
        for entry in page.entries {
            switch entry {
            case .commonPrefix(let prefix): entries.append(.commonPrefix(prefix))
            case .row(let key, let body): entries += try Self.uploads(key, body, operation)
            }
        }
        guard entries.count > request.limit else {
            return UploadPage(entries: entries, next: page.next.map { .init($0) })
        }
        entries.removeLast(entries.count - request.limit)
        return UploadPage(entries: entries, next: entries.last.map(Self.marker))
    }

    private func uploadListing(of bucket: BucketRecord, _ name: BucketName) -> Listing {
        self.listing { key throws(ClusterError) in
            guard case .object(bucket.id, let object) = key else { return nil }
            let target = Target(name: ObjectName(name, object), bucket: bucket)
            return UploadList(try await self.record(target, "list \(key)"))?.encoded
        }
    }

    private static func uploads(
        _ key: RegisterKey,
        _ body: [UInt8],
        _ operation: String
    ) throws(ClusterError) -> [UploadPage.Entry] {
        guard case .object(_, let object) = key else { return [] }
        do throws(RecordError) {
            return try UploadList(decoding: body).uploads.map {
                .upload(object, UploadSummary($0))
            }
        } catch { throw ClusterError(.internalError, operation, cause: error) }
    }

    private static func marker(behind entry: UploadPage.Entry) -> ListUploadsRequest.Marker {
        switch entry {
        case .commonPrefix(let prefix): .init(prefix)
        case .upload(let key, let upload): .init(key.bytes, upload: upload.id)
        }
    }
}
