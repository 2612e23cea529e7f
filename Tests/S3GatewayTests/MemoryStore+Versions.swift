import Coordinator
import StoreModel

extension MemoryStore {
    /// A version of an object, as the bucket is set now.
    func find(
        _ name: ObjectName,
        _ version: VersionName?
    ) throws(ClusterError) -> Object {
        _ = try self.objects(name.bucket)
        let versions = self.tree[name.bucket]?[name.key] ?? []
        let found = version.map { wanted in versions.first { $0.name == wanted } }
        guard var object = found ?? versions.first else {
            throw ClusterError(version == nil ? .objectNotFound : .versionNotFound, "find \(name)")
        }
        guard object.isMarker else {
            let isNameless = (self.settings[name.bucket]?.versioning ?? .never) == .never
            object.summary.name = isNameless ? nil : object.name
            return object
        }
        var error = ClusterError(
            version == nil ? .objectNotFound : .versionIsMarker,
            "find \(name)"
        )
        error.marker = MetMarker(name: object.name, modified: object.summary.modified)
        throw error
    }

    func findSource(
        _ name: ObjectName,
        _ version: VersionName?
    ) throws(ClusterError) -> Object {
        do throws(ClusterError) { return try self.find(name, version) } catch {
            switch error.code {
            case .bucketNotFound: throw ClusterError(.sourceBucketNotFound, "copy")
            case .objectNotFound: throw ClusterError(.sourceNotFound, "copy")
            case .versionIsMarker: throw ClusterError(.sourceIsMarker, "copy")
            default: throw error
            }
        }
    }

    func delete(_ request: DeleteRequest) async throws(ClusterError) -> DeleteResult {
        try self.check(request.condition, request.name)
        let versioning = self.settings[request.name.bucket]?.versioning ?? .never
        if request.version != nil || versioning == .never {
            let name = request.version ?? .null
            let old = self.tree[request.name.bucket]?[request.name.key]?.first { $0.name == name }
            self.change(request.name) { versions in versions.removeAll { $0.name == name } }
            return DeleteResult(
                version: versioning == .never ? nil : request.version,
                isMarker: old?.isMarker == true
            )
        }
        let id = VersionID(high: 0, low: self.nextNumber())
        let name: VersionName = versioning == .enabled ? .id(id) : .null
        let marker = Object(
            summary: ObjectSummary(
                version: id,
                name: name,
                etag: "",
                size: 0,
                storageClass: .standard,
                modified: self.time,
                metadata: ObjectMetadata(),
                checksums: [],
                access: AccessList(owner: request.owner)
            ),
            content: [],
            name: name,
            isMarker: true
        )
        self.change(request.name) { versions in
            if name == .null { versions.removeAll { $0.name == .null } }
            versions.insert(marker, at: 0)
        }
        return DeleteResult(version: name, isMarker: true)
    }

    func listVersions(
        _ request: ListVersionsRequest
    ) async throws(ClusterError) -> VersionPage {
        _ = try self.objects(request.bucket)
        var entries: [VersionPage.Entry] = []
        var last: ListVersionsRequest.Marker?
        var isBehind = request.after == nil
        for (key, versions) in (self.tree[request.bucket] ?? [:]).sorted(by: { $0.key < $1.key })
        where key.bytes.starts(with: request.prefix) {
            for (index, version) in versions.enumerated() {
                let (entry, marker) = Self.entry(key, version, isLatest: index == 0, request)
                if let after = request.after, !isBehind {
                    if marker == after {
                        isBehind = true
                        continue
                    }
                    guard after.name.lexicographicallyPrecedes(marker.name) else { continue }
                    isBehind = true
                }
                if marker == last { continue }
                guard entries.count < request.limit else {
                    return VersionPage(entries: entries, next: last)
                }
                entries.append(entry)
                last = marker
            }
        }
        return VersionPage(entries: entries, next: nil)
    }

    private static func entry(
        _ key: ObjectKey,
        _ object: Object,
        isLatest: Bool,
        _ request: ListVersionsRequest
    ) -> (VersionPage.Entry, ListVersionsRequest.Marker) {
        let rest = key.bytes.dropFirst(request.prefix.count)
        if let delimiter = request.delimiter?.first, let end = rest.firstIndex(of: delimiter) {
            let prefix = Array(key.bytes[...end])
            return (.commonPrefix(prefix), .init(prefix))
        }
        let summary = object.summary
        var version = Version(
            id: summary.version,
            etag: summary.etag,
            size: summary.size,
            storageClass: summary.storageClass,
            modified: summary.modified,
            metadata: ObjectMetadata(),
            checksums: summary.checksums,
            content: .inline([]),
            access: summary.access,
            isNull: object.name == .null
        )
        version.isMarker = object.isMarker
        return (
            .version(ListedVersion(key, version, isLatest: isLatest)),
            .init(key.bytes, version: version.name)
        )
    }
}

extension ObjectSummary {
    /// The same with other tags or another list.
    func having(tags: [Tag]? = nil, access: AccessList? = nil) -> ObjectSummary {
        ObjectSummary(
            version: self.version,
            name: self.name,
            etag: self.etag,
            size: self.size,
            storageClass: self.storageClass,
            modified: self.modified,
            metadata: self.metadata,
            checksums: self.checksums,
            parts: self.parts,
            tags: tags ?? self.tags,
            access: access ?? self.access
        )
    }
}
