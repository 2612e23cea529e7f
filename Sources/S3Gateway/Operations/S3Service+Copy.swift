import Coordinator
import NIOCore
import NIOHTTP1
import S3Protocol
import StoreModel

extension S3Service {
    func copyObject(
        _ request: S3Request,
        _ identity: ResponseIdentity
    ) async throws(S3Error) -> S3Answer {
        let directives = try CopyDirectives(request.headers)
        request.record.note {
            $0.source = "\(directives.source.bucket)/\(directives.source.key)"
        }
        var subject = request.subject
        subject.source = directives.source
        subject.condition = directives.condition.header
        let pass = try await self.sourcePass(directives.source, request)
        var copy = self.copyRequest(directives, to: request.object, pass)
        copy.access = try await self.newObjectAccess(request)
        let late = LateAnswer(service: self, request: request, identity: identity)
        return try await late.answer(root: "CopyObjectResult", stopping: .withClient) {
            [subject, copy] () async throws(S3Error) in
            let copied = try await self.ask(subject, veiledBy: pass) { () throws(ClusterError) in
                try await request.record.noting { () throws(ClusterError) in
                    try await self.store.copy(copy)
                }
            }
            Self.note(copied, request.record)
            return LateAnswer.Content(headers: Self.headers(copied), write: Self.write(copied))
        }
    }

    private func copyRequest(
        _ directives: CopyDirectives,
        to target: ObjectName,
        _ pass: Pass
    ) -> CopyRequest {
        let source = ObjectName(directives.source.bucket, directives.source.key)
        let isSelfCopy = source == target
        let sizeMax = self.settings.copyBytesMax
        let now = self.now
        var copy = CopyRequest(
            source: source,
            target: target,
            mode: directives.mode,
            storageClass: directives.storageClass,
            metadata: directives.metadata,
            condition: WriteCondition(directives.condition),
            sizeMax: sizeMax,
            sourceCheck: { summary throws(ClusterError) in
                do throws(S3Error) {
                    try pass.check(.read, on: summary)
                    try directives.sourceConditions.checkCopy(of: summary, now: now)
                    if isSelfCopy, !directives.changesSomething { throw CopyDirectives.selfCopy }
                    guard summary.size <= sizeMax else { throw CopyDirectives.tooLarge(sizeMax) }
                } catch {
                    throw ClusterError(.sourcePreconditionFailed, "copy \(source)", cause: error)
                }
            }
        )
        copy.websiteRedirect = directives.websiteRedirect
        copy.tags = directives.tags
        copy.sourceVersion = directives.source.versionName
        if let algorithm = directives.algorithm {
            copy.observe = { summary, body in
                let isThere =
                    !summary.checksums.isEmpty
                    && summary.checksums.allSatisfy {
                        $0.algorithm == algorithm && $0.parts == 0
                    }
                return isThere ? nil : ChecksummedBody(body, algorithm)
            }
        }
        return copy
    }

    private static func write(_ copied: CopyResult) -> @Sendable (inout XMLWriter) -> Void {
        { writer in
            writer.element("LastModified", copied.summary.modified.calendarTime.iso8601)
            writer.element("ETag", "\"\(copied.summary.etag)\"")
            writer.element(
                "ChecksumType",
                ifPresent: copied.summary.checksums.first?.type.rawValue
            )
            writer.checksums(copied.summary.checksums)
        }
    }

    private static func headers(_ copied: CopyResult) -> HTTPHeaders {
        var headers: HTTPHeaders = [
            "x-triolet-copy-mode": copied.mode.rawValue,
            "x-triolet-copy-bytes-moved": String(copied.bytesMoved),
        ]
        headers.addVersion(copied.summary.name)
        headers.addExpiry(copied.summary.expiry)
        headers.addSourceVersion(copied.source)
        if copied.summary.storageClass != .standard {
            headers.add(
                name: "x-amz-storage-class",
                value: copied.summary.storageClass.rawValue
            )
        }
        return headers
    }

    private static func note(_ copied: CopyResult, _ record: RequestRecord) {
        record.note {
            $0.copyMode = copied.mode.rawValue
            $0.chunksPulled = copied.chunksPulled
            $0.bytesMoved = copied.bytesMoved
            $0.bytesReferenced = copied.mode == .reference ? copied.summary.size : 0
        }
    }
}

extension ReadConditions {
    /// Looks at the conditions on the source of a copy.
    func checkCopy(of source: ObjectSummary, now: CalendarTime) throws(S3Error) {
        switch self.evaluate(
            etag: source.etag,
            modified: source.modified.calendarTime,
            now: now
        ) {
        case .holds: return
        // A copy has no reader who could have it already.
        case .notModified(let condition), .failed(let condition):
            throw .preconditionFailed(condition)
        }
    }
}

extension CopyDirectives {
    fileprivate static let selfCopy = S3Error(
        .invalidRequest,
        "This copy request is illegal because it is trying to copy an object to itself without "
            + "changing the object's metadata, storage class, website redirect location or "
            + "encryption attributes."
    )

    static func tooLarge(_ bytesMax: UInt64) -> S3Error {
        S3Error(
            .invalidRequest,
            "The specified copy source is larger than the maximum allowable size for a copy "
                + "source: \(bytesMax)"
        )
    }
}
