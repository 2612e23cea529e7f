import Coordinator
import NIOCore
import NIOHTTP1
import S3Protocol
import StoreModel

extension S3Service {
    /// Answers GET and HEAD alike, but for the body.
    func getObject(_ request: S3Request) async throws(S3Error) -> S3Answer {
        for _ in 0..<Self.opensMax {
            if let answer = try await self.getObjectOnce(request) { return answer }
        }
        throw S3Error(ClusterError(.versionGone, "get"), about: request.subject)
    }

    /// Times that an object is opened whose content goes before its first bytes were read.
    private static let opensMax = 3

    /// - Returns: nil if the version's content was gone before anything of it was read.
    private func getObjectOnce(_ request: S3Request) async throws(S3Error) -> S3Answer? {
        // Before its conditions are looked at: they would tell what somebody may not know.
        let object = try await self.openedObject(request, .read)
        let summary = object.summary
        var headers: HTTPHeaders = [
            "ETag": "\"\(summary.etag)\"",
            "Last-Modified": summary.modified.calendarTime.httpDate,
            "Accept-Ranges": "bytes",
        ]
        headers.addVersion(summary.name)
        // Of a version that is named nobody knows here whether it is the current one.
        if request.target["versionId"] == nil { headers.addExpiry(summary.expiry) }
        switch ReadConditions(reading: request.headers).evaluate(
            etag: summary.etag,
            modified: summary.modified.calendarTime,
            now: self.now
        ) {
        case .failed(let condition): throw .preconditionFailed(condition)
        case .notModified: return .empty(.notModified, headers: headers)
        case .holds: break
        }
        let part = try self.part(request, summary)
        let range = if let part { part } else { try self.range(request, summary) }
        if part != nil {
            headers.add(name: "x-amz-mp-parts-count", value: String(summary.parts.parts))
        }
        if !summary.tags.isEmpty {
            headers.add(name: "x-amz-tagging-count", value: String(summary.tags.count))
        }
        if summary.storageClass != .standard {
            headers.add(name: "x-amz-storage-class", value: summary.storageClass.rawValue)
        }
        if request.headers.first("x-amz-checksum-mode")?.uppercased() == "ENABLED", range == nil {
            headers.addChecksums(summary.checksums)
        }
        for (name, value) in MetadataHeaders.write(summary.metadata) {
            headers.add(name: name, value: value)
        }
        try self.override(&headers, request)
        if let range {
            headers.add(
                name: "Content-Range",
                value: "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(summary.size)"
            )
        }
        return try await self.answer(
            request,
            object,
            range ?? 0..<summary.size,
            range == nil ? .ok : .partialContent,
            headers
        )
    }

    private func answer(
        _ request: S3Request,
        _ object: any OpenObject,
        _ range: Range<UInt64>,
        _ status: HTTPResponseStatus,
        _ headers: HTTPHeaders
    ) async throws(S3Error) -> S3Answer? {
        if request.method == .HEAD || range.isEmpty {
            var headers = headers
            headers.add(name: "Content-Length", value: String(range.count))
            return .empty(status, headers: headers)
        }
        let reader = object.read(range)
        // The first bytes are in hand before a good status is told.
        let first: ByteBuffer?
        do throws(ClusterError) { first = try await reader.next() } catch {
            if error.code == .versionGone { return nil }
            throw S3Error(error, about: request.subject)
        }
        return .whole(
            HTTPResponse(
                status,
                headers: headers,
                body: .stream(
                    length: UInt64(range.count),
                    ObjectStream(first: first, rest: reader)
                )
            )
        )
    }

    /// The range that is to be sent; nil for the whole.
    private func range(
        _ request: S3Request,
        _ summary: ObjectSummary
    ) throws(S3Error) -> Range<UInt64>? {
        guard let text = request.headers.first("range"), let range = ByteRange(parsing: text) else {
            return nil
        }
        if let condition = request.headers.first("if-range"), !condition.isEmpty {
            // Source: RFC 9110, section 13.1.5.
            let isSame =
                if let time = CalendarTime(httpDate: condition) {
                    time == summary.modified.calendarTime
                } else {
                    EntityTags(parsing: condition).matches(summary.etag, strongly: true)
                }
            if !isSame { return nil }
        }
        guard let resolved = range.resolved(size: summary.size) else {
            throw S3Error(
                .invalidRange,
                nil,
                [
                    .init("ActualObjectSize", String(summary.size)),
                    .init("RangeRequested", text),
                ]
            )
        }
        return resolved
    }

    /// The part that is asked for; nil for the whole.
    ///
    /// An object that remembers no parts is one part.
    private func part(
        _ request: S3Request,
        _ summary: ObjectSummary
    ) throws(S3Error) -> Range<UInt64>? {
        guard let text = request.target["partNumber"] else { return nil }
        let number = Int(try UploadParameters.partNumber(text).value)
        guard request.headers.first("range") == nil else {
            throw S3Error(
                .invalidRequest,
                "Cannot specify both Range header and partNumber query parameter"
            )
        }
        guard number <= max(1, summary.parts.parts) else { throw S3Error(.invalidPartNumber) }
        return summary.parts.range(of: number)
    }

    /// Replaces headers by what the query asks for.
    private func override(_ headers: inout HTTPHeaders, _ request: S3Request) throws(S3Error) {
        for item in request.target.query where S3Operation.overrides.contains(item.name) {
            let value = try MetadataHeaders.checked(
                item.name,
                item.value,
                max: ObjectMetadata.headerBytes
            )
            headers.replaceOrAdd(
                name: String(item.name.dropFirst("response-".utf8.count)),
                value: value
            )
        }
    }
}

/// The bytes of an object, of which the first are known.
private actor ObjectStream: ResponseStream {
    private var first: ByteBuffer?
    private let rest: any BodyReader

    init(first: ByteBuffer?, rest: any BodyReader) {
        self.first = first
        self.rest = rest
    }

    func next() async throws -> ByteBuffer? {
        if let first = self.first {
            self.first = nil
            return first
        }
        return try await self.rest.next()
    }
}
