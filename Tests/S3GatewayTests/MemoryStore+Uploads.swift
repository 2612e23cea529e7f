import Coordinator
import Crypto
import NIOCore
import S3Protocol
import StoreModel

extension MemoryStore {
    func createUpload(_ request: CreateUploadRequest) async throws(ClusterError) -> UploadSummary {
        _ = try self.objects(request.name.bucket)
        let summary = UploadSummary(
            id: UploadID(high: 7, low: self.nextNumber()),
            storageClass: request.storageClass,
            initiated: self.time,
            checksum: request.checksum
        )
        self.uploads[summary.id] = OpenUpload(
            object: request.name,
            summary: summary,
            metadata: request.metadata
        )
        return summary
    }

    func upload(_ name: UploadName) async throws(ClusterError) -> UploadSummary {
        try self.open(name).summary
    }

    private func open(_ name: UploadName) throws(ClusterError) -> OpenUpload {
        _ = try self.objects(name.object.bucket)
        guard let upload = self.uploads[name.id], upload.object == name.object else {
            throw ClusterError(.uploadNotFound, "find \(name)")
        }
        return upload
    }

    func putPart(
        _ request: PutPartRequest,
        body: any BodySource
    ) async throws(ClusterError) -> PartSummary {
        _ = try self.open(request.upload)
        let content = try await self.read(body)
        return try self.keep(
            content,
            as: request.number,
            of: request.upload,
            request.checksums + (await body.checksumsAtEnd())
        )
    }

    func read(_ body: any BodySource) async throws(ClusterError) -> [UInt8] {
        var content: [UInt8] = []
        do {
            while let buffer = try await body.next() { content += buffer.readableBytesView }
        } catch {
            throw ClusterError(.bodyInvalid, "put a part", cause: error)
        }
        return content
    }

    private func keep(
        _ content: [UInt8],
        as number: PartNumber,
        of name: UploadName,
        _ checksums: [Checksum]
    ) throws(ClusterError) -> PartSummary {
        _ = try self.open(name)
        let part = PartSummary(
            number,
            PartRecord(
                of: ManifestID(partition: .system, birth: .zero),
                etag: Hexadecimal.text(Array(Insecure.MD5.hash(data: content))),
                size: UInt64(content.count),
                modified: self.time,
                checksums: checksums,
                segments: []
            )
        )
        self.uploads[name.id]?.parts[number] = (part, content)
        return part
    }

    func copyPart(_ request: CopyPartRequest) async throws(ClusterError) -> CopyPartResult {
        self.note(request)
        _ = try self.open(request.upload)
        let source = try self.findSource(request.source, request.sourceVersion)
        try request.sourceCheck(source.summary)
        try await self.suffer()
        let range = request.range ?? 0..<source.summary.size
        var content = Array(source.content[Int(range.lowerBound)..<Int(range.upperBound)])
        var checksums: [Checksum] = []
        if let observe = request.observe {
            let body = observe(ArrayBody(content))
            content = try await self.read(body)
            checksums = await body.checksumsAtEnd()
        }
        let isShared = request.observe == nil && request.mode != .independent
        return CopyPartResult(
            part: try self.keep(content, as: request.number, of: request.upload, checksums),
            source: source.summary,
            mode: isShared ? .reference : .independent,
            chunksPulled: isShared ? 0 : 1,
            bytesMoved: isShared ? 0 : UInt64(content.count)
        )
    }

    func completeUpload(
        _ request: CompleteUploadRequest
    ) async throws(ClusterError) -> CompleteUploadOutcome {
        if let done = self.completed[request.upload.id], done.parts == request.parts {
            return .completed(done.object)
        }
        let upload = try self.open(request.upload)
        if let refusal = self.refusal(of: request, upload) { return .refused(refusal) }
        let parts = request.parts.compactMap { upload.parts[$0.number] }
        let checksums = try request.checksums(upload.summary, parts.map(\.summary))
        try self.check(request.condition, upload.object)
        try await self.suffer()
        let object = self.store(
            parts.flatMap(\.content),
            at: upload.object,
            etag: MultipartTag.text(of: parts.map(\.summary.etag)) ?? "",
            upload.summary.storageClass,
            upload.metadata,
            checksums,
            parts: [PartRun](sizes: parts.map(\.summary.size))
        )
        self.uploads[request.upload.id] = nil
        self.completed[request.upload.id] = (request.parts, object)
        return .completed(object)
    }

    private func refusal(of request: CompleteUploadRequest, _ upload: OpenUpload) -> PartRefusal? {
        if request.parts.isEmpty { return .noParts }
        for (part, next) in zip(request.parts, request.parts.dropFirst())
        where part.number >= next.number {
            return .notAscending
        }
        var size: UInt64 = 0
        for claim in request.parts {
            guard let part = upload.parts[claim.number]?.summary, part.etag == claim.etag,
                claim.checksums.allSatisfy({ checksum in
                    part.checksums.contains(checksum)
                        || !part.checksums.contains { $0.algorithm == checksum.algorithm }
                })
            else { return .invalid(claim) }
            size += part.size
        }
        for claim in request.parts.dropLast() {
            let size = upload.parts[claim.number]?.summary.size ?? 0
            if size < self.partBytesMin {
                return .tooSmall(claim, size: size, least: self.partBytesMin)
            }
        }
        if let expected = request.size, expected != size { return .otherSize(size) }
        return nil
    }

    func abortUpload(_ name: UploadName) async throws(ClusterError) {
        _ = try self.open(name)
        self.uploads[name.id] = nil
    }

    func listParts(_ request: ListPartsRequest) async throws(ClusterError) -> PartPage {
        let upload = try self.open(request.upload)
        let all = upload.parts.values.map(\.summary).sorted { $0.number < $1.number }
            .filter { part in request.after.map { part.number > $0 } ?? true }
        let shown = Array(all.prefix(request.limit))
        return PartPage(
            upload: upload.summary,
            parts: shown,
            next: shown.count < all.count ? shown.last?.number : nil
        )
    }

    func listUploads(_ request: ListUploadsRequest) async throws(ClusterError) -> UploadPage {
        _ = try self.objects(request.bucket)
        var entries: [UploadPage.Entry] = []
        var last: ListUploadsRequest.Marker?
        let uploads = self.uploads.values.filter { $0.object.bucket == request.bucket }
            .sorted { ($0.object.key, $0.summary.id) < ($1.object.key, $1.summary.id) }
        for upload in uploads where upload.object.key.bytes.starts(with: request.prefix) {
            let (entry, marker) = Self.entry(upload, request)
            if Self.isBefore(marker, request.after) || marker == last { continue }
            guard entries.count < request.limit else {
                return UploadPage(entries: entries, next: last)
            }
            entries.append(entry)
            last = marker
        }
        return UploadPage(entries: entries, next: nil)
    }

    private static func entry(
        _ upload: OpenUpload,
        _ request: ListUploadsRequest
    ) -> (UploadPage.Entry, ListUploadsRequest.Marker) {
        let key = upload.object.key
        let rest = key.bytes.dropFirst(request.prefix.count)
        guard let delimiter = request.delimiter?.first, let end = rest.firstIndex(of: delimiter)
        else {
            return (.upload(key, upload.summary), .init(key.bytes, upload: upload.summary.id))
        }
        let prefix = Array(key.bytes[...end])
        return (.commonPrefix(prefix), .init(prefix))
    }

    /// Whether an entry stands before the start of the page.
    private static func isBefore(
        _ entry: ListUploadsRequest.Marker,
        _ after: ListUploadsRequest.Marker?
    ) -> Bool {
        guard let after else { return false }
        if entry.name != after.name { return entry.name.lexicographicallyPrecedes(after.name) }
        guard let upload = after.upload, let own = entry.upload else { return true }
        return own <= upload
    }
}

/// Bytes as a body.
actor ArrayBody: BodySource {
    private var bytes: [UInt8]?

    init(_ bytes: [UInt8]) { self.bytes = bytes.isEmpty ? nil : bytes }

    func next() -> ByteBuffer? {
        defer { self.bytes = nil }
        return self.bytes.map { ByteBuffer(bytes: $0) }
    }
}
