import Coordinator
import NIOHTTP1
import S3Protocol
import StoreModel

extension S3Service {
    func deleteObject(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let version = try request.version()
        for name in ["x-amz-if-match-size", "x-amz-if-match-last-modified-time"]
        where request.headers.first(name) != nil {
            throw .notImplemented("The header \(name)")
        }
        let condition = try TargetCondition(request.headers)
        var subject = request.subject
        subject.condition = condition.header
        let deleted = try await self.ask(subject) { () throws(ClusterError) in
            try await self.store.delete(
                DeleteRequest(
                    name: request.object,
                    version: version,
                    condition: WriteCondition(condition),
                    owner: request.sender.recordID
                )
            )
        }
        var headers = HTTPHeaders()
        headers.addVersion(deleted.version)
        if deleted.isMarker { headers.add(name: "x-amz-delete-marker", value: "true") }
        return .empty(.noContent, headers: headers)
    }

    /// Deletes up to 1,000 keys, ``deletesAtOnce`` at a time, and tells of each.
    func deleteObjects(_ request: S3Request) async throws(S3Error) -> S3Answer {
        try self.checkIntegrity(request)
        let list = try DeleteList(
            parsing: try await request.wholeBody(bytesMax: DeleteList.bodyBytes)
        )
        _ = try await self.bucket(request)
        let results = await self.delete(list.entries, request)
        let document = XMLWriter.document("DeleteResult") { writer in
            for (entry, result) in zip(list.entries, results) {
                switch result {
                case .failure(let failure):
                    writer.element("Error") { writer in
                        writer.element("Key", entry.key)
                        writer.element("VersionId", ifPresent: entry.version)
                        writer.element("Code", failure.code.rawValue)
                        writer.element("Message", failure.message)
                    }
                case .success(let deleted) where !list.isQuiet:
                    writer.element("Deleted") { writer in
                        writer.element("Key", entry.key)
                        writer.element("VersionId", ifPresent: entry.version)
                        if deleted.isMarker {
                            writer.element("DeleteMarker", "true")
                            writer.element(
                                "DeleteMarkerVersionId",
                                ifPresent: deleted.version?.description
                            )
                        }
                    }
                case .success: break
                }
            }
        }
        return .xml(document)
    }

    private static var deletesAtOnce: Int { 16 }

    /// What became of each entry, in order.
    private func delete(
        _ entries: [DeleteList.Entry],
        _ request: S3Request
    ) async -> [Result<DeleteResult, S3Error>] {
        await withTaskGroup(of: (Int, Result<DeleteResult, S3Error>).self) { group in
            var results: [Int: Result<DeleteResult, S3Error>] = [:]
            for (index, entry) in entries.enumerated() {
                if index >= Self.deletesAtOnce, let (done, result) = await group.next() {
                    results[done] = result
                }
                group.addTask { (index, await self.delete(entry, request)) }
            }
            for await (done, result) in group { results[done] = result }
            return entries.indices.map { results[$0] ?? .failure(S3Error(.internalError)) }
        }
    }

    private func delete(
        _ entry: DeleteList.Entry,
        _ request: S3Request
    ) async -> Result<DeleteResult, S3Error> {
        do throws(S3Error) {
            let version = entry.version.flatMap { VersionName($0) }
            guard version != nil || entry.version == nil else { throw S3Error(.noSuchVersion) }
            if entry.isConditional { throw .notImplemented("A condition in DeleteObjects") }
            let key = try Addressed.key(Array(entry.key.utf8))
            let bucket = request.bucket
            let subject = ErrorSubject(bucket: bucket.text, key: entry.key)
            try self.checkDeletion(of: key, hasVersion: entry.version != nil, request)
            return .success(
                try await self.ask(subject) { () throws(ClusterError) in
                    try await self.store.delete(
                        DeleteRequest(
                            name: ObjectName(bucket, key),
                            version: version,
                            owner: request.sender.recordID
                        )
                    )
                }
            )
        } catch {
            return .failure(error)
        }
    }

    /// The list must be protected by something.
    private func checkIntegrity(_ request: S3Request) throws(S3Error) {
        let checks = try BodyChecks(request.headers)
        if case .user(let verified, _) = request.sender, case .sha256 = verified.payload {
            return
        }
        guard checks.contentMD5 != nil || checks.checksum != nil || checks.trailer != nil else {
            throw S3Error(
                .invalidRequest,
                "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
            )
        }
    }
}

extension WriteCondition {
    init(_ condition: TargetCondition) {
        switch condition {
        case .none: self = .none
        case .absent: self = .absent
        case .matches(let etag): self = .matches(etag: etag)
        }
    }
}
