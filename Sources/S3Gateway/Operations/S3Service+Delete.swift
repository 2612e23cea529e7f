import Coordinator
import NIOHTTP1
import S3Protocol
import StoreModel

extension S3Service {
    func deleteObject(_ request: S3Request) async throws(S3Error) -> S3Answer {
        try request.checkVersion(request.target["versionId"])
        for name in ["x-amz-if-match-size", "x-amz-if-match-last-modified-time"]
        where request.headers.first(name) != nil {
            throw .notImplemented("The header \(name)")
        }
        let condition = try TargetCondition(request.headers)
        var subject = request.subject
        subject.condition = condition.header
        try await self.ask(subject) { () throws(ClusterError) in
            try await self.store.delete(request.object, condition: WriteCondition(condition))
        }
        return .empty(.noContent)
    }

    /// Deletes up to 1,000 keys, ``deletesAtOnce`` at a time, and tells of each.
    func deleteObjects(_ request: S3Request) async throws(S3Error) -> S3Answer {
        try self.checkIntegrity(request)
        let list = try DeleteList(
            parsing: try await request.wholeBody(bytesMax: DeleteList.bodyBytes)
        )
        _ = try await self.bucket(request)
        let failures = await self.delete(list.entries, request)
        let document = XMLWriter.document("DeleteResult") { writer in
            for (entry, failure) in zip(list.entries, failures) {
                if let failure {
                    writer.element("Error") { writer in
                        writer.element("Key", entry.key)
                        writer.element("VersionId", ifPresent: entry.version)
                        writer.element("Code", failure.code.rawValue)
                        writer.element("Message", failure.message)
                    }
                } else if !list.isQuiet {
                    writer.element("Deleted") { writer in
                        writer.element("Key", entry.key)
                        writer.element("VersionId", ifPresent: entry.version)
                    }
                }
            }
        }
        return .xml(document)
    }

    private static var deletesAtOnce: Int { 16 }

    /// What went wrong with each entry; nil for nothing.
    private func delete(_ entries: [DeleteList.Entry], _ request: S3Request) async -> [S3Error?] {
        await withTaskGroup(of: (Int, S3Error?).self) { group in
            var failures = [S3Error?](repeating: nil, count: entries.count)
            for (index, entry) in entries.enumerated() {
                if index >= Self.deletesAtOnce, let (done, failure) = await group.next() {
                    failures[done] = failure
                }
                group.addTask { (index, await self.delete(entry, request)) }
            }
            for await (done, failure) in group { failures[done] = failure }
            return failures
        }
    }

    private func delete(_ entry: DeleteList.Entry, _ request: S3Request) async -> S3Error? {
        do throws(S3Error) {
            if let version = entry.version, version != "null" { return S3Error(.noSuchVersion) }
            if entry.isConditional { throw .notImplemented("A condition in DeleteObjects") }
            let key = try Addressed.key(Array(entry.key.utf8))
            let bucket = request.bucket
            let subject = ErrorSubject(bucket: bucket.text, key: entry.key)
            try self.checkDeletion(of: key, hasVersion: entry.version != nil, request)
            try await self.ask(subject) { () throws(ClusterError) in
                try await self.store.delete(ObjectName(bucket, key), condition: .none)
            }
            return nil
        } catch {
            return error
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
