import Coordinator
import NIOHTTP1
import S3Protocol
import StoreModel

extension S3Service {
    /// Longest document about tags: 50 tags with names and values of four bytes a character.
    static let taggingBytesMax = 128 << 10

    func objectTagging(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let object = try await self.openedObject(request, .read)
        return .xml(TagSet.document(object.summary.tags))
    }

    func setObjectTagging(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let body = try await request.wholeBody(bytesMax: Self.taggingBytesMax)
        let tags = try TagSet.read(document: body, max: Limit.objectTags)
        try await self.setTags(tags, request)
        return .empty(.ok)
    }

    func deleteObjectTagging(_ request: S3Request) async throws(S3Error) -> S3Answer {
        try await self.setTags([], request)
        return .empty(.noContent)
    }

    private func setTags(_ tags: [Tag], _ request: S3Request) async throws(S3Error) {
        if !request.sender.isRoot { _ = try await self.openedObject(request, .write) }
        let version = VersionSelector(try request.version())
        _ = try await self.ask(request.subject) { () throws(ClusterError) in
            try await self.store.edit(request.object, version, .tags(tags))
        }
    }
}
