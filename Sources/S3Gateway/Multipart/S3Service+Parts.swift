import Coordinator
import NIOHTTP1
import S3Protocol
import StoreModel

extension S3Service {
    func uploadPart(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let number = try request.partNumber()
        let name = try request.upload()
        let upload = try await self.upload(name, request)
        let checks = try BodyChecks(request.headers)
        let given = checks.checksum?.algorithm ?? checks.trailer
        try upload.checksum?.check(part: given)
        let body = try request.body(
            bytesMax: Limit.partBytesMax,
            computing: given == nil ? upload.checksum?.algorithm : nil
        )
        let put = PutPartRequest(
            upload: name,
            number: number,
            checksums: checks.checksum.map { [$0] } ?? []
        )
        let part = try await self.ask(request.uploadSubject) { () throws(ClusterError) in
            try await self.store.putPart(put, body: body)
        }
        var answer: HTTPHeaders = ["ETag": "\"\(part.etag)\""]
        answer.addChecksums(part.checksums, withType: false)
        return .empty(.ok, headers: answer)
    }

    /// The upload, if it is open.
    func upload(
        _ name: UploadName,
        _ request: S3Request
    ) async throws(S3Error) -> UploadSummary {
        try await self.ask(request.uploadSubject) { () throws(ClusterError) in
            try await self.store.upload(name)
        }
    }

    func listParts(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let most = Limit.listEntries
        let limit = min(
            most,
            try UploadParameters.count("max-parts", request.target["max-parts"], absent: most)
        )
        let marker = try UploadParameters.count(
            "part-number-marker",
            request.target["part-number-marker"],
            absent: 0
        )
        let list = ListPartsRequest(
            upload: try request.upload(),
            after: PartNumber(min(marker, Limit.parts)),
            // Somebody who wants no part wants to know whether there are any.
            limit: max(limit, 1)
        )
        let page = try await self.ask(request.uploadSubject) { () throws(ClusterError) in
            try await self.store.listParts(list)
        }
        let parts = page.parts.prefix(limit)
        let isTruncated = page.next != nil || parts.count < page.parts.count
        let last = parts.last.map { Int($0.number.value) } ?? marker
        let owner = (await self.credentials.users()).owner(page.upload.owner)
        let document = XMLWriter.document("ListPartsResult") { writer in
            writer.element("Bucket", request.bucket.text)
            writer.element("Key", request.object.key.description)
            writer.element("UploadId", page.upload.id.description)
            writer.owner(owner, as: "Initiator")
            writer.owner(owner)
            writer.element("StorageClass", page.upload.storageClass.rawValue)
            writer.element("PartNumberMarker", String(marker))
            writer.element("NextPartNumberMarker", String(last))
            writer.element("MaxParts", String(limit))
            writer.element("IsTruncated", isTruncated ? "true" : "false")
            writer.checksumKind(page.upload.checksum)
            for part in parts { writer.element("Part") { $0.part(part) } }
        }
        return .xml(document)
    }
}

extension XMLWriter {
    fileprivate mutating func part(_ part: PartSummary) {
        self.element("PartNumber", part.number.description)
        self.element("LastModified", part.modified.calendarTime.iso8601)
        self.element("ETag", "\"\(part.etag)\"")
        self.element("Size", String(part.size))
        self.checksums(part.checksums)
    }

    /// One element for each checksum.
    mutating func checksums(_ checksums: [Checksum]) {
        for checksum in checksums {
            self.element("Checksum\(checksum.algorithm.name)", checksum.text)
        }
    }

    /// What an upload's checksum is to be.
    mutating func checksumKind(_ kind: ChecksumKind?) {
        guard let kind else { return }
        self.element("ChecksumAlgorithm", kind.algorithm.name)
        self.element("ChecksumType", kind.type.rawValue)
    }
}
