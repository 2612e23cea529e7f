import Coordinator
import NIOHTTP1
import S3Protocol
import StoreModel

extension S3Service {
    func uploadPartCopy(
        _ request: S3Request,
        _ identity: ResponseIdentity
    ) async throws(S3Error) -> S3Answer {
        let directives = try PartCopyDirectives(request.headers)
        request.record.note {
            $0.source = "\(directives.source.bucket)/\(directives.source.key)"
        }
        let number = try request.partNumber()
        let name = try request.upload()
        let upload = try await self.upload(name, request)
        var subject = request.uploadSubject
        subject.source = directives.source
        let pass = try await self.sourcePass(directives.source, request)
        let copy = self.partCopy(directives, to: name, number, upload, pass)
        let late = LateAnswer(service: self, request: request, identity: identity)
        return try await late.answer(root: "CopyPartResult", stopping: .withClient) {
            [subject] () async throws(S3Error) in
            let copied = try await self.ask(subject, veiledBy: pass) { () throws(ClusterError) in
                try await request.record.noting { () throws(ClusterError) in
                    try await self.store.copyPart(copy)
                }
            }
            request.record.note {
                $0.copyMode = copied.mode.rawValue
                $0.chunksPulled = copied.chunksPulled
                $0.bytesMoved = copied.bytesMoved
                $0.bytesReferenced = copied.mode == .reference ? copied.part.size : 0
            }
            return Self.content(copied)
        }
    }

    private func partCopy(
        _ directives: PartCopyDirectives,
        to name: UploadName,
        _ number: PartNumber,
        _ upload: UploadSummary,
        _ pass: Pass
    ) -> CopyPartRequest {
        let source = ObjectName(directives.source.bucket, directives.source.key)
        let now = self.now
        var copy = CopyPartRequest(
            source: source,
            upload: name,
            number: number,
            range: directives.range?.bytes,
            mode: directives.mode,
            sourceCheck: { summary throws(ClusterError) in
                do throws(S3Error) {
                    try pass.check(.read, on: summary)
                    try directives.check(summary, now: now)
                } catch {
                    throw ClusterError(.sourcePreconditionFailed, "copy \(source)", cause: error)
                }
            }
        )
        copy.sourceVersion = directives.source.versionName
        if let algorithm = upload.checksum?.algorithm, directives.computesChecksum {
            copy.observe = { ChecksummedBody($0, algorithm) }
        }
        return copy
    }

    private static func content(_ copied: CopyPartResult) -> LateAnswer.Content {
        var headers: HTTPHeaders = [
            "x-triolet-copy-mode": copied.mode.rawValue,
            "x-triolet-copy-bytes-moved": String(copied.bytesMoved),
        ]
        headers.addSourceVersion(copied.source.name)
        return LateAnswer.Content(
            headers: headers,
            write: { writer in
                writer.element("LastModified", copied.part.modified.calendarTime.iso8601)
                writer.element("ETag", "\"\(copied.part.etag)\"")
                writer.checksums(copied.part.checksums)
            }
        )
    }
}

/// What the headers of UploadPartCopy ask for.
///
/// Source: S3 API Reference, "UploadPartCopy"; docs/s3-compatibility.md, "Multipart uploads".
private struct PartCopyDirectives {
    let source: CopySource
    let range: CopySourceRange?
    let sourceConditions: ReadConditions
    let mode: CopyRequest.Mode

    /// Whether the upload's checksum is computed of the bytes, which have to be read for it.
    var computesChecksum: Bool { self.mode != .reference }

    init(_ headers: [HeaderField]) throws(S3Error) {
        self.source = try CopySource(headers)
        self.range = try headers.first(CopySourceRange.header).map { text throws(S3Error) in
            try CopySourceRange(parsing: text)
        }
        self.sourceConditions = ReadConditions(copying: headers)
        self.mode = try CopyRequest.Mode(headers)
    }

    func check(_ source: ObjectSummary, now: CalendarTime) throws(S3Error) {
        try self.sourceConditions.checkCopy(of: source, now: now)
        let bytes = try self.range?.resolved(size: source.size) ?? 0..<source.size
        guard UInt64(bytes.count) <= Limit.partBytesMax else {
            throw CopyDirectives.tooLarge(Limit.partBytesMax)
        }
    }
}
