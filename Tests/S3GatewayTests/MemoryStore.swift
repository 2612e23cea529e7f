import Coordinator
import Crypto
import NIOCore
import StoreModel
import Synchronization

/// An object store in memory, with the errors of a real one and some that are asked for.
actor MemoryStore: ObjectStore {
    struct Object {
        var summary: ObjectSummary
        var content: [UInt8]
        var name: VersionName = .null
        var isMarker = false
    }

    /// What is to go wrong or to take long.
    struct Trouble {
        var copyDelay: Duration = .zero
        var copyFailure: ClusterError.Code?
        /// Fails after so many bytes of a read.
        var readFailsAfter: Int?
        /// So many opened objects are overwritten, and their content is gone, before they are read.
        var overwritten = 0
        var listFailure: ClusterError.Code?
    }

    /// An upload that is open.
    struct OpenUpload {
        let object: ObjectName
        let summary: UploadSummary
        let metadata: ObjectMetadata
        var parts: [PartNumber: (summary: PartSummary, content: [UInt8])] = [:]
    }

    /// What is read of objects.
    final class Reads: Sendable {
        private let state = Mutex((open: 0, bytes: 0))

        /// Readers that somebody still has.
        var open: Int { self.state.withLock(\.open) }
        /// Bytes that readers have handed out.
        var bytes: Int { self.state.withLock(\.bytes) }

        fileprivate func begin() { self.state.withLock { $0.open += 1 } }
        fileprivate func end() { self.state.withLock { $0.open -= 1 } }
        fileprivate func count(_ bytes: Int) { self.state.withLock { $0.bytes += bytes } }
    }

    nonisolated let reads = Reads()
    /// Seconds since 1970 of the next write.
    var seconds: UInt64
    var trouble = Trouble()
    /// Objects opened.
    private(set) var opens = 0
    /// The versions of each key, newest first.
    private(set) var tree: [BucketName: [ObjectKey: [Object]]] = [:]
    private(set) var settings: [BucketName: BucketSettings] = [:]
    private(set) var copies: [CopyRequest] = []
    /// Copies whose caller was cancelled in their middle.
    private(set) var givenUp = 0
    private(set) var partCopies: [CopyPartRequest] = []
    /// Smallest part but for the last, in bytes.
    var partBytesMin: UInt64 = 1
    var uploads: [UploadID: OpenUpload] = [:]
    /// What has been made of uploads, for those who ask again.
    var completed: [UploadID: (parts: [PartClaim], object: ObjectSummary)] = [:]
    private var versions: UInt64 = 0

    init(seconds: UInt64) { self.seconds = seconds }

    func cause(_ trouble: Trouble) { self.trouble = trouble }

    func advance(seconds: UInt64) { self.seconds += seconds }

    func demand(partBytes: UInt64) { self.partBytesMin = partBytes }

    func note(_ copy: CopyPartRequest) { self.partCopies.append(copy) }

    /// A number that was not given before.
    func nextNumber() -> UInt64 {
        self.versions += 1
        return self.versions
    }

    /// Waits and fails as a test has asked for.
    func suffer() async throws(ClusterError) {
        do {
            try await Task.sleep(for: self.trouble.copyDelay)
        } catch {
            self.givenUp += 1
            throw ClusterError(.cancelled, "copy")
        }
        if let code = self.trouble.copyFailure { throw ClusterError(code, "copy") }
    }

    func buckets() async throws(ClusterError) -> [BucketSummary] {
        self.tree.keys.sorted().map { self.summary($0) }
    }

    private func summary(_ name: BucketName) -> BucketSummary {
        BucketSummary(
            name: name,
            created: self.time,
            settings: self.settings[name] ?? BucketSettings()
        )
    }

    func createBucket(
        _ name: BucketName,
        settings: BucketSettings
    ) async throws(ClusterError) {
        guard self.tree[name] == nil else { throw ClusterError(.bucketAlreadyOwned, "create") }
        self.tree[name] = [:]
        self.settings[name] = settings
    }

    func set(_ setting: BucketSetting, of name: BucketName) async throws(ClusterError) {
        _ = try self.objects(name)
        self.settings[name, default: BucketSettings()].set(setting)
    }

    func bucket(_ name: BucketName) async throws(ClusterError) -> BucketSummary {
        _ = try self.objects(name)
        return self.summary(name)
    }

    func deleteBucket(_ name: BucketName) async throws(ClusterError) {
        _ = try self.objects(name)
        guard
            self.tree[name]?.isEmpty == true,
            !self.uploads.values.contains(where: { $0.object.bucket == name })
        else {
            throw ClusterError(.bucketNotEmpty, "delete")
        }
        self.tree[name] = nil
    }

    func put(
        _ request: PutRequest,
        body: any BodySource
    ) async throws(ClusterError) -> ObjectSummary {
        try self.check(request.condition, request.name)
        var content: [UInt8] = []
        do {
            while let buffer = try await body.next() { content += buffer.readableBytesView }
        } catch {
            throw ClusterError(.bodyInvalid, "put \(request.name)", cause: error)
        }
        try self.check(request.condition, request.name)
        return self.store(
            content,
            at: request.name,
            etag: Hexadecimal.text(Array(Insecure.MD5.hash(data: content))),
            request.storageClass,
            request.metadata,
            request.checksums + (await body.checksumsAtEnd()),
            tags: request.tags,
            access: request.access
        )
    }

    func edit(
        _ name: ObjectName,
        _ version: VersionName?,
        _ edit: VersionEdit,
        ifStill expected: VersionID?
    ) async throws(ClusterError) -> ObjectSummary {
        var object = try self.find(name, version)
        if let expected, object.summary.version != expected { throw ClusterError(.busy, "edit") }
        switch edit {
        case .tags(let tags): object.summary = object.summary.having(tags: tags)
        case .access(let access): object.summary = object.summary.having(access: access)
        }
        let edited = object
        self.change(name) { versions in
            for index in versions.indices where versions[index].name == edited.name {
                versions[index] = edited
            }
        }
        return edited.summary
    }

    func open(
        _ name: ObjectName,
        version: VersionName?
    ) async throws(ClusterError) -> any OpenObject {
        var object = try self.find(name, version)
        object.summary.expiry = self.expiry(of: object.summary, name)
        self.opens += 1
        let isGone = self.trouble.overwritten > 0
        if isGone { self.trouble.overwritten -= 1 }
        return OpenMemory(
            object: object,
            failsAfter: isGone ? 0 : self.trouble.readFailsAfter,
            failure: isGone ? .versionGone : .dataUnavailable,
            reads: self.reads
        )
    }

    func copy(_ request: CopyRequest) async throws(ClusterError) -> CopyResult {
        self.copies.append(request)
        _ = try self.objects(request.target.bucket)
        let source = try self.findSource(request.source, request.sourceVersion)
        try request.sourceCheck(source.summary)
        try self.check(request.condition, request.target)
        try await self.suffer()
        var checksums = source.summary.checksums
        if let body = request.observe?(source.summary, ArrayBody(source.content)) {
            _ = try await self.read(body)
            checksums = await body.checksumsAtEnd()
        }
        var metadata = request.metadata ?? source.summary.metadata
        if request.metadata == nil { metadata.websiteRedirect = request.websiteRedirect }
        let summary = self.store(
            source.content,
            at: request.target,
            etag: source.summary.etag,
            request.storageClass,
            metadata,
            checksums,
            tags: request.tags ?? source.summary.tags,
            access: request.access
        )
        let isSame = request.storageClass == source.summary.storageClass
        let mode = request.mode == .automatic ? (isSame ? .reference : .independent) : request.mode
        var result = CopyResult(
            summary: summary,
            mode: mode,
            chunksPulled: mode == .reference ? 0 : 2,
            bytesMoved: mode == .reference ? 0 : summary.size
        )
        result.source = source.summary.name
        return result
    }

    func rename(_ request: RenameRequest) async throws(ClusterError) -> ObjectSummary {
        guard self.settings[request.bucket]?.versioning ?? .never == .never else {
            throw ClusterError(.bucketKeepsVersions, "rename")
        }
        let source = ObjectName(request.bucket, request.source)
        let target = ObjectName(request.bucket, request.target)
        let object = try self.findSource(source, nil)
        try request.sourceCheck(object.summary)
        let replaced = try? self.find(target, nil)
        if let refusal = request.targetCheck(replaced?.summary) {
            let isMissing = refusal == .targetMissing
            throw ClusterError(isMissing ? .objectNotFound : .preconditionFailed, "rename")
        }
        guard source != target else { return object.summary }
        self.tree[request.bucket]?[request.source] = nil
        self.tree[request.bucket]?[request.target] = [object]
        return object.summary
    }

    func list(_ request: ListRequest) async throws(ClusterError) -> ListPage {
        if let code = self.trouble.listFailure { throw ClusterError(code, "list") }
        var entries: [ListPage.Entry] = []
        var last: [UInt8]?
        for (key, object) in try self.objects(request.bucket).sorted(by: { $0.key < $1.key }) {
            guard key.bytes.starts(with: request.prefix) else { continue }
            let (entry, name) = Self.entry(key, object, request)
            if let after = request.after, !after.lexicographicallyPrecedes(name) { continue }
            if name == last { continue }
            guard entries.count < request.limit else {
                return ListPage(entries: entries, next: last)
            }
            entries.append(entry)
            last = name
        }
        return ListPage(entries: entries, next: nil)
    }

    private static func entry(
        _ key: ObjectKey,
        _ object: Object,
        _ request: ListRequest
    ) -> (ListPage.Entry, name: [UInt8]) {
        let rest = key.bytes.dropFirst(request.prefix.count)
        guard let delimiter = request.delimiter?.first, let end = rest.firstIndex(of: delimiter)
        else {
            return (.object(key, object.summary), key.bytes)
        }
        let prefix = Array(key.bytes[...end])
        return (.commonPrefix(prefix), prefix)
    }

    var time: HybridTime { HybridTime(microseconds: self.seconds * 1_000_000 + 123_456) }

    /// The current versions.
    func objects(_ name: BucketName) throws(ClusterError) -> [ObjectKey: Object] {
        guard let keys = self.tree[name] else { throw ClusterError(.bucketNotFound, "find") }
        return keys.compactMapValues { versions in
            versions.first.flatMap { $0.isMarker ? nil : $0 }
        }
    }

    func change(_ name: ObjectName, _ change: (inout [Object]) -> Void) {
        var versions = self.tree[name.bucket]?[name.key] ?? []
        change(&versions)
        self.tree[name.bucket]?[name.key] = versions.isEmpty ? nil : versions
    }

    func check(_ condition: WriteCondition, _ name: ObjectName) throws(ClusterError) {
        let now = try self.objects(name.bucket)[name.key]
        switch condition {
        case .none: return
        case .absent:
            guard now == nil else { throw ClusterError(.preconditionFailed, "write \(name)") }
        case .matches(let etag):
            guard let now else { throw ClusterError(.objectNotFound, "write \(name)") }
            guard now.summary.etag == etag else {
                throw ClusterError(.preconditionFailed, "write \(name)")
            }
        }
    }

    func store(
        _ content: [UInt8],
        at name: ObjectName,
        etag: String,
        _ storageClass: StorageClass,
        _ metadata: ObjectMetadata,
        _ checksums: [Checksum],
        parts: [PartRun] = [],
        tags: [Tag] = [],
        access: AccessList = AccessList()
    ) -> ObjectSummary {
        let version = VersionID(high: 0, low: self.nextNumber())
        let versioning = self.settings[name.bucket]?.versioning ?? .never
        let shown: VersionName = versioning == .enabled ? .id(version) : .null
        let summary = ObjectSummary(
            version: version,
            name: versioning == .never ? nil : shown,
            etag: etag,
            size: UInt64(content.count),
            storageClass: storageClass,
            modified: self.time,
            metadata: metadata,
            checksums: checksums,
            parts: parts,
            tags: tags,
            access: access
        )
        self.change(name) { versions in
            if shown == .null { versions.removeAll { $0.name == .null } }
            versions.insert(Object(summary: summary, content: content, name: shown), at: 0)
        }
        var told = summary
        told.expiry = self.expiry(of: summary, name)
        return told
    }

    private func expiry(of summary: ObjectSummary, _ name: ObjectName) -> LifecycleExpiry? {
        let version = Version(
            id: summary.version,
            etag: summary.etag,
            size: summary.size,
            storageClass: summary.storageClass,
            modified: summary.modified,
            metadata: summary.metadata,
            checksums: [],
            content: .inline([]),
            tags: summary.tags
        )
        return self.settings[name.bucket]?.lifecycle?.expiry(
            of: version,
            name.key,
            LifecycleDay(microseconds: 86_400_000_000)
        )
    }
}

private struct OpenMemory: OpenObject {
    let object: MemoryStore.Object
    let failsAfter: Int?
    let failure: ClusterError.Code
    let reads: MemoryStore.Reads

    var summary: ObjectSummary { self.object.summary }

    func read(_ range: Range<UInt64>) -> any BodyReader {
        MemoryReader(
            content: self.object.content[Int(range.lowerBound)..<Int(range.upperBound)],
            failsAfter: self.failsAfter,
            failure: self.failure,
            reads: self.reads
        )
    }
}

private actor MemoryReader: BodyReader {
    private var content: ArraySlice<UInt8>
    private var left: Int?
    private let failure: ClusterError.Code
    private let reads: MemoryStore.Reads

    init(
        content: ArraySlice<UInt8>,
        failsAfter: Int?,
        failure: ClusterError.Code,
        reads: MemoryStore.Reads
    ) {
        self.content = content
        self.left = failsAfter
        self.failure = failure
        self.reads = reads
        reads.begin()
    }

    deinit { self.reads.end() }

    func next() async throws(ClusterError) -> ByteBuffer? {
        guard !self.content.isEmpty else { return nil }
        var count = min(self.content.count, 64 << 10)
        if let left = self.left {
            guard left > 0 else { throw ClusterError(self.failure, "read") }
            count = min(count, left)
            self.left = left - count
        }
        defer { self.content = self.content.dropFirst(count) }
        self.reads.count(count)
        return ByteBuffer(bytes: self.content.prefix(count))
    }
}
