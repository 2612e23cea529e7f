import Coordinator
import NIOHTTP1
import Runtime
import S3Protocol
import StoreModel

extension S3Service {
    func completeUpload(
        _ request: S3Request,
        _ identity: ResponseIdentity
    ) async throws(S3Error) -> S3Answer {
        let condition = try TargetCondition(request.headers)
        let upload = try request.upload()
        let expected = try CompletionChecks(request.headers)
        let list = try await self.completedParts(request)
        let complete = Self.completion(of: upload, list, condition, expected)
        var subject = request.uploadSubject
        subject.condition = condition.header
        let late = LateAnswer(service: self, request: request, identity: identity)
        return try await late.answer(root: "CompleteMultipartUploadResult") {
            [subject] () async throws(S3Error) in
            let outcome = try await self.ask(subject) { () throws(ClusterError) in
                try await self.store.completeUpload(complete)
            }
            switch outcome {
            case .refused(let refusal):
                throw S3Error(refusal, upload: upload.id, size: expected.size)
            case .completed(let summary): return Self.content(summary, request)
            }
        }
    }

    private func completedParts(_ request: S3Request) async throws(S3Error) -> CompletedParts {
        let body = try await request.wholeBody(
            bytesMax: CompletedParts.bodyBytes,
            // They are those of the object.
            ignoresChecksums: true
        )
        // 10,000 parts take long enough to keep other requests waiting.
        let list = await self.doors.workers.run {
            Result { () throws(S3Error) in try CompletedParts(parsing: body) }
        }
        return try list.get()
    }

    private static func completion(
        of upload: UploadName,
        _ list: CompletedParts,
        _ condition: TargetCondition,
        _ expected: CompletionChecks
    ) -> CompleteUploadRequest {
        let claims = list.parts.map { PartClaim($0.number, etag: $0.etag, checksums: $0.checksums) }
        return CompleteUploadRequest(
            upload: upload,
            parts: claims,
            condition: WriteCondition(condition),
            size: expected.size,
            checksums: { summary, parts throws(ClusterError) in
                do throws(S3Error) {
                    return try expected.compose(summary.checksum, parts, claims)
                } catch {
                    throw ClusterError(.preconditionFailed, "complete \(upload)", cause: error)
                }
            }
        )
    }

    private static func content(
        _ summary: ObjectSummary,
        _ request: S3Request
    ) -> LateAnswer.Content {
        var headers = HTTPHeaders()
        headers.addNewVersion(summary.name)
        headers.addExpiry(summary.expiry)
        return LateAnswer.Content(
            headers: headers,
            write: { writer in
                let path = request.target.canonicalPath
                let host = request.headers.first("host")
                let scheme = request.exchange.scheme
                writer.element("Location", host.map { "\(scheme)://\($0)\(path)" } ?? path)
                writer.element("Bucket", request.bucket.text)
                writer.element("Key", request.object.key.description)
                writer.element("ETag", "\"\(summary.etag)\"")
                writer.checksums(summary.checksums)
                writer.element("ChecksumType", ifPresent: summary.checksums.first?.type.rawValue)
            }
        )
    }
}

/// What CompleteMultipartUpload expects of the object.
private struct CompletionChecks: Sendable {
    private let type: ChecksumType?
    private let checksum: ExpectedChecksum?
    /// `x-amz-mp-object-size`: bytes of the object.
    let size: UInt64?

    init(_ headers: [HeaderField]) throws(S3Error) {
        self.type = try ChecksumType(headers)
        self.checksum = try ExpectedChecksum(headers)
        let name = "x-amz-mp-object-size"
        guard let text = headers.first(name) else {
            self.size = nil
            return
        }
        guard let size = UInt64(text) else {
            throw S3Error(.invalidRequest, "Value for \(name) header is invalid: '\(text)'")
        }
        self.size = size
    }

    /// The checksum of the object, of the kind that the upload was created with.
    ///
    /// `claims` are the stored `parts` as the client named them. There is no checksum if the upload
    /// is to have none, or if a part has none since its bytes were not to be read.
    func compose(
        _ kind: ChecksumKind?,
        _ parts: [PartSummary],
        _ claims: [PartClaim]
    ) throws(S3Error) -> [Checksum] {
        guard let kind else { return [] }
        try self.check(kind)
        var found: [ComposedChecksum.Part] = []
        for (part, claim) in zip(parts, claims) {
            guard let own = part.checksums.first(where: { $0.algorithm == kind.algorithm }) else {
                continue
            }
            if kind.isComposite, !claim.checksums.contains(where: { $0.algorithm == own.algorithm })
            {
                throw Self.missing(kind, part)
            }
            found.append((own.value, part.size))
        }
        guard found.count == parts.count else {
            guard self.checksum == nil else { throw Self.mismatch(kind) }
            return []
        }
        let composed = kind.compose(found)
        if let checksum {
            let isCount = checksum.parts.map { $0 == parts.count } ?? true
            guard isCount, checksum.checksum.value == composed?.value else {
                throw Self.mismatch(kind)
            }
        }
        return composed.map { [$0] } ?? []
    }

    private func check(_ kind: ChecksumKind) throws(S3Error) {
        if let type, type != kind.type {
            throw S3Error(
                .invalidRequest,
                "The upload was created using the \(kind.type.rawValue) checksum mode. The "
                    + "complete request must use the same checksum mode."
            )
        }
        if let checksum { try kind.check(part: checksum.checksum.algorithm) }
    }

    private static func missing(_ kind: ChecksumKind, _ part: PartSummary) -> S3Error {
        S3Error(
            .invalidRequest,
            "The upload was created using a \(kind.algorithm.headerSuffix) checksum. The complete "
                + "request must include the checksum for each part. It was missing for part "
                + "\(part.number) in the request."
        )
    }

    private static func mismatch(_ kind: ChecksumKind) -> S3Error {
        S3Error(
            .badDigest,
            "The \(kind.algorithm.headerSuffix) you specified did not match the calculated "
                + "checksum."
        )
    }
}

extension S3Error {
    /// Why no object was made of a list of parts.
    fileprivate init(_ refusal: PartRefusal, upload: UploadID, size: UInt64?) {
        switch refusal {
        case .noParts: self.init(.invalidRequest, "You must specify at least one part")
        case .notAscending:
            self.init(.invalidPartOrder, nil, [Element("UploadId", upload.description)])
        case .invalid(let claim):
            self.init(
                .invalidPart,
                nil,
                [
                    Element("UploadId", upload.description),
                    Element("PartNumber", claim.number.description),
                    Element("ETag", claim.etag),
                ]
            )
        case .tooSmall(let claim, let bytes, let least):
            self.init(
                .entityTooSmall,
                nil,
                [
                    Element("ProposedSize", String(bytes)),
                    Element("MinSizeAllowed", String(least)),
                    Element("PartNumber", claim.number.description),
                    Element("ETag", claim.etag),
                ]
            )
        case .otherSize(let bytes):
            self.init(
                .invalidRequest,
                "The provided 'x-amz-mp-object-size' header value \(size ?? 0) does not match "
                    + "what was computed: \(bytes)"
            )
        }
    }
}
