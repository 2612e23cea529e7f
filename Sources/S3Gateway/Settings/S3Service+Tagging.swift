import Coordinator
import NIOHTTP1
import S3Protocol
import StoreModel

extension S3Service {
    /// Longest document about tags: 50 tags with names and values of four bytes a character.
    static let taggingBytesMax = 128 << 10

    func objectTagging(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let summary = try await self.openedObject(request, .read).summary
        return .xml(TagSet.document(summary.tags), headers: Self.headers(summary))
    }

    func setObjectTagging(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let body = try await request.wholeBody(bytesMax: Self.taggingBytesMax)
        let tags = try TagSet.read(document: body, max: Limit.objectTags)
        return .empty(.ok, headers: Self.headers(try await self.setTags(tags, request)))
    }

    func deleteObjectTagging(_ request: S3Request) async throws(S3Error) -> S3Answer {
        return .empty(.noContent, headers: Self.headers(try await self.setTags([], request)))
    }

    /// Tells which version it was.
    private static func headers(_ summary: ObjectSummary) -> HTTPHeaders {
        var headers = HTTPHeaders()
        headers.addVersion(summary.name)
        return headers
    }

    private func setTags(
        _ tags: [Tag],
        _ request: S3Request
    ) async throws(S3Error) -> ObjectSummary {
        var opened: VersionID?
        if !request.sender.isRoot {
            opened = try await self.openedObject(request, .write).summary.version
        }
        let version = try request.version()
        return try await self.ask(request.subject) { [opened] () throws(ClusterError) in
            try await self.store.edit(request.object, version, .tags(tags), ifStill: opened)
        }
    }
}
