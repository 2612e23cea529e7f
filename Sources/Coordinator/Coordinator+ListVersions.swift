import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

/// Listing versions.
///
/// A key may have more of them than fit into a page: a page may end, and the next one begin, within
/// a key. Source: docs/protocol/versions.md, "Listing".
extension Coordinator {
    package func listVersions(
        _ request: ListVersionsRequest
    ) async throws(ClusterError) -> VersionPage {
        let operation = "list the versions of \(request.bucket)"
        let bucket = try await self.bucketRecord(request.bucket)
        guard request.limit > 0 else { return VersionPage(entries: [], next: nil) }
        let rest = try await self.rest(of: request, bucket, operation)
        var entries = rest.entries
        let page = try await self.versionListing(of: bucket, request.bucket).entries(
            .versions(bucket.id, prefix: request.prefix, delimiter: request.delimiter),
            after: rest.after,
            limit: request.limit
        )
        for entry in page.entries {
            switch entry {
            case .commonPrefix(let prefix): entries.append(.commonPrefix(prefix))
            case .row(let key, let body): entries += try Self.versions(key, body, operation)
            }
        }
        guard entries.count > request.limit else {
            return VersionPage(entries: entries, next: page.next.map { .init($0) })
        }
        entries.removeLast(entries.count - request.limit)
        return VersionPage(entries: entries, next: entries.last.map(Self.marker))
    }

    /// What is left of the key within which the page starts, and the name behind which it goes on.
    ///
    /// If the version that the last page ended with is gone, all of the key's are listed once more:
    /// better twice than not at all.
    private func rest(
        of request: ListVersionsRequest,
        _ bucket: BucketRecord,
        _ operation: String
    ) async throws(ClusterError) -> (entries: [VersionPage.Entry], after: [UInt8]?) {
        guard let after = request.after, let version = after.version,
            after.name.starts(with: request.prefix),
            let key = ObjectKey(String(decoding: after.name, as: UTF8.self))
        else { return ([], request.after?.name) }
        let target = Target(name: ObjectName(request.bucket, key), bucket: bucket)
        let versions = try await self.record(target, operation).versions
        let last = versions.firstIndex { $0.name == version }
        let start = last.map { $0 + 1 } ?? 0
        guard start < versions.count else { return ([], after.name) }
        if let delimiter = request.delimiter,
            let group = CommonPrefix.of(
                after.name,
                prefix: request.prefix,
                delimiter: delimiter
            )
        {
            return ([.commonPrefix(group)], group)
        }
        let entries = versions.indices[start...].map { index -> VersionPage.Entry in
            .version(ListedVersion(key, versions[index], isLatest: index == 0))
        }
        return (entries, after.name)
    }

    private func versionListing(of bucket: BucketRecord, _ name: BucketName) -> Listing {
        var listing = self.listing { key throws(ClusterError) in
            guard case .object(bucket.id, let object) = key else { return nil }
            let target = Target(name: ObjectName(name, object), bucket: bucket)
            return VersionList(try await self.record(target, "list \(key)"))?.encoded
        }
        listing.weigh = { body in
            var reader = ByteReader(body)
            return (try? reader.read(UInt32.self)).map { Int($0) } ?? 1
        }
        return listing
    }

    private static func versions(
        _ key: RegisterKey,
        _ body: [UInt8],
        _ operation: String
    ) throws(ClusterError) -> [VersionPage.Entry] {
        guard case .object(_, let object) = key else { return [] }
        do throws(RecordError) {
            return try VersionList(decoding: body).versions.enumerated().map { index, version in
                .version(ListedVersion(object, version, isLatest: index == 0))
            }
        } catch { throw ClusterError(.internalError, operation, cause: error) }
    }

    private static func marker(behind entry: VersionPage.Entry) -> ListVersionsRequest.Marker {
        switch entry {
        case .commonPrefix(let prefix): .init(prefix)
        case .version(let version): .init(version.key.bytes, version: version.name)
        }
    }
}
