import Coordinator
import NIOHTTP1
import S3Protocol
import StoreModel

extension S3Service {
    func createUpload(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let headers = request.headers
        let create = CreateUploadRequest(
            name: request.object,
            metadata: try MetadataHeaders.read(headers),
            storageClass: try StorageClass(headers: headers),
            checksum: try ChecksumKind(headers),
            tags: try TagSet.read(headers),
            access: try await self.newObjectAccess(request)
        )
        let upload = try await self.ask(request.subject) { () throws(ClusterError) in
            try await self.store.createUpload(create)
        }
        var answer: HTTPHeaders = [:]
        if let checksum = upload.checksum {
            answer.add(name: "x-amz-checksum-algorithm", value: checksum.algorithm.name)
            answer.add(name: ChecksumType.header, value: checksum.type.rawValue)
        }
        let document = XMLWriter.document("InitiateMultipartUploadResult") { writer in
            writer.element("Bucket", request.bucket.text)
            writer.element("Key", request.object.key.description)
            writer.element("UploadId", upload.id.description)
        }
        return .xml(document, headers: answer)
    }

    func abortUpload(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let name = "x-amz-if-match-initiated-time"
        guard request.headers.first(name) == nil else {
            throw .notImplemented("The header \(name)")
        }
        let upload = try request.upload()
        try await self.ask(request.uploadSubject) { () throws(ClusterError) in
            try await self.store.abortUpload(upload)
        }
        return .empty(.noContent)
    }

    func listUploads(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let query = try UploadsQuery(request.target)
        let page = try await self.ask(request.subject) { () throws(ClusterError) in
            try await self.store.listUploads(
                ListUploadsRequest(
                    bucket: request.bucket,
                    prefix: query.prefix,
                    delimiter: query.delimiter,
                    after: query.after,
                    limit: query.limit
                )
            )
        }
        let users = await self.credentials.users()
        let document = XMLWriter.document("ListMultipartUploadsResult") { writer in
            writer.element("Bucket", request.bucket.text)
            query.writeCommon(page, into: &writer)
            query.writeEntries(page, owner: users.owner, into: &writer)
        }
        return .xml(document)
    }
}

/// What ListMultipartUploads is asked.
private struct UploadsQuery {
    let prefix: [UInt8]
    let delimiter: [UInt8]?
    let keyMarker: String
    /// Without meaning if there is no ``keyMarker``.
    let uploadMarker: String
    let after: ListUploadsRequest.Marker?
    let limit: Int
    let names: NameEncoding

    init(_ target: RequestTarget) throws(S3Error) {
        self.prefix = Array((target["prefix"] ?? "").utf8)
        let delimiter = target["delimiter"] ?? ""
        self.delimiter = delimiter.isEmpty ? nil : Array(delimiter.utf8)
        self.names = try NameEncoding(target)
        let most = Limit.listEntries
        let count = try UploadParameters.count("max-uploads", target["max-uploads"], absent: most)
        self.limit = min(count, most)
        self.keyMarker = target["key-marker"] ?? ""
        self.uploadMarker = self.keyMarker.isEmpty ? "" : target["upload-id-marker"] ?? ""
        guard !self.keyMarker.isEmpty else {
            self.after = nil
            return
        }
        let upload = UploadID(self.uploadMarker)
        guard upload != nil || self.uploadMarker.isEmpty else {
            throw .invalidArgument(
                "Invalid uploadId marker",
                "upload-id-marker",
                self.uploadMarker
            )
        }
        self.after = .init(Array(self.keyMarker.utf8), upload: upload)
    }

    func writeCommon(_ page: UploadPage, into writer: inout XMLWriter) {
        writer.element("KeyMarker", self.names.shown(Array(self.keyMarker.utf8)))
        writer.element("UploadIdMarker", self.uploadMarker)
        if let next = page.next {
            writer.element("NextKeyMarker", self.names.shown(next.name))
            writer.element("NextUploadIdMarker", next.upload?.description ?? "")
        }
        writer.element("Prefix", self.names.shown(self.prefix))
        writer.element("Delimiter", ifPresent: self.delimiter.map(self.names.shown))
        writer.element("EncodingType", ifPresent: self.names.type)
        writer.element("MaxUploads", String(self.limit))
        writer.element("IsTruncated", page.next == nil ? "false" : "true")
    }

    func writeEntries(
        _ page: UploadPage,
        owner: (String) -> Owner,
        into writer: inout XMLWriter
    ) {
        for case .upload(let key, let upload) in page.entries {
            writer.element("Upload") { writer in
                writer.element("Key", self.names.shown(key.bytes))
                writer.element("UploadId", upload.id.description)
                writer.owner(owner(upload.owner), as: "Initiator")
                writer.owner(owner(upload.owner))
                writer.element("StorageClass", upload.storageClass.rawValue)
                writer.element("Initiated", upload.initiated.calendarTime.iso8601)
                writer.checksumKind(upload.checksum)
            }
        }
        for case .commonPrefix(let prefix) in page.entries {
            writer.element("CommonPrefixes") { $0.element("Prefix", self.names.shown(prefix)) }
        }
    }
}
