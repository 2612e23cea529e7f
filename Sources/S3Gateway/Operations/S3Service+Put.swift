import Coordinator
import NIOHTTP1
import S3Protocol
import StoreModel

extension S3Service {
    func putObject(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let headers = request.headers
        let condition = try TargetCondition(headers)
        let body = try request.body(bytesMax: Limit.objectBytes)
        let put = PutRequest(
            name: request.object,
            metadata: try MetadataHeaders.read(headers),
            storageClass: try StorageClass(headers: headers),
            condition: WriteCondition(condition),
            announcedBytes: body.announcedBytes,
            checksums: body.checks.checksum.map { [$0] } ?? [],
            tags: try TagSet.read(headers),
            access: try await self.newObjectAccess(request)
        )
        var subject = request.subject
        subject.condition = condition.header
        let summary = try await self.ask(subject) { () throws(ClusterError) in
            try await self.store.put(put, body: body)
        }
        var answer: HTTPHeaders = ["ETag": "\"\(summary.etag)\""]
        answer.addNewVersion(summary.name)
        answer.addExpiry(summary.expiry)
        answer.addChecksums(summary.checksums)
        if summary.storageClass != .standard {
            answer.add(name: "x-amz-storage-class", value: summary.storageClass.rawValue)
        }
        return .empty(.ok, headers: answer)
    }
}

extension StorageClass {
    /// What `x-amz-storage-class` says; STANDARD if it is absent.
    init(headers: [HeaderField]) throws(S3Error) {
        guard let text = headers.first("x-amz-storage-class") else {
            self = .standard
            return
        }
        guard let storageClass = StorageClass(rawValue: text) else {
            throw S3Error(.invalidStorageClass, nil, [.init("StorageClassRequested", text)])
        }
        self = storageClass
    }
}

extension HTTPHeaders {
    /// Adds checksums, and what they are checksums of unless it is a part of an upload.
    mutating func addChecksums(_ checksums: [Checksum], withType: Bool = true) {
        for checksum in checksums {
            self.add(
                name: BodyChecks.prefix + checksum.algorithm.headerSuffix,
                value: checksum.text
            )
        }
        if withType, let type = checksums.first?.type {
            self.add(name: ChecksumType.header, value: type.rawValue)
        }
    }
}
