package import NIOCore
package import StoreModel

/// What the cluster does for its clients.
///
/// Whoever speaks a client protocol speaks to this. All operations on one key are linearizable.
package protocol ObjectStore: Sendable {
    /// All buckets, sorted by name.
    func buckets() async throws(ClusterError) -> [BucketSummary]
    /// Fails with `bucketAlreadyOwned` if the bucket exists.
    func createBucket(
        _ name: BucketName,
        settings: BucketSettings
    ) async throws(ClusterError)
    /// Changes a setting of a bucket; from then on everything goes by it.
    func set(_ setting: BucketSetting, of name: BucketName) async throws(ClusterError)
    func bucket(_ name: BucketName) async throws(ClusterError) -> BucketSummary
    /// Fails with `bucketNotEmpty`; whatever is put meanwhile is either kept with its bucket or
    /// refused.
    func deleteBucket(_ name: BucketName) async throws(ClusterError)

    /// Stores an object.
    ///
    /// Nothing of it is visible unless this returns.
    func put(
        _ request: PutRequest,
        body: any BodySource
    ) async throws(ClusterError) -> ObjectSummary

    /// Looks an object up, ready to be read.
    ///
    /// `version` nil is the current one. Throws `objectNotFound`, or `versionNotFound` and
    /// `versionIsMarker` of a version that is named; the error has the delete marker that was met.
    func open(
        _ name: ObjectName,
        version: VersionName?
    ) async throws(ClusterError) -> any OpenObject

    /// Deletes an object, as its bucket keeps versions or not, or one version of it.
    ///
    /// Deleting nothing succeeds.
    @discardableResult
    func delete(_ request: DeleteRequest) async throws(ClusterError) -> DeleteResult

    /// Changes the tags or the access list of a version; of the newest one for nil.
    ///
    /// Throws `objectNotFound` if there is none, or only a delete marker, and `busy` if it is not
    /// the version with the id `expected` any more: whoever was allowed to change that one may not
    /// be allowed to change its successor.
    func edit(
        _ name: ObjectName,
        _ version: VersionName?,
        _ edit: VersionEdit,
        ifStill expected: VersionID?
    ) async throws(ClusterError) -> ObjectSummary

    func copy(_ request: CopyRequest) async throws(ClusterError) -> CopyResult

    /// Gives an object another key, in the place of what is there: in one step for whoever looks.
    ///
    /// Throws `sourceNotFound`, `bucketKeepsVersions`, what the checks throw, and `outcomeUnknown`.
    func rename(_ request: RenameRequest) async throws(ClusterError) -> ObjectSummary

    func list(_ request: ListRequest) async throws(ClusterError) -> ListPage

    /// Versions and delete markers of a bucket, in the order of keys, and newest first of one key.
    func listVersions(
        _ request: ListVersionsRequest
    ) async throws(ClusterError) -> VersionPage

    // MARK: - Multipart uploads

    /// Opens an upload.
    ///
    /// Nothing of it is visible as an object until it is completed.
    ///
    /// Throws `tooManyUploads` if ``Limit/uploads`` of the key are open.
    func createUpload(_ request: CreateUploadRequest) async throws(ClusterError) -> UploadSummary

    /// The upload, if it is open: its class, its kind of checksum.
    ///
    /// Throws `uploadNotFound` if it is not open, or not one of this key.
    func upload(_ name: UploadName) async throws(ClusterError) -> UploadSummary

    /// Stores a part; it takes the place of one with the same number.
    ///
    /// Throws `uploadNotFound` if the upload is not open, or was closed meanwhile; `entityTooLarge`
    /// above ``Limit/partBytesMax``; and what ``put(_:body:)`` throws.
    func putPart(
        _ request: PutPartRequest,
        body: any BodySource
    ) async throws(ClusterError) -> PartSummary

    /// Makes a part of an object, or of a range of it.
    ///
    /// Its bytes are those of the source version that was current during the request, whatever
    /// becomes of the source afterwards.
    ///
    /// Throws what ``putPart(_:body:)`` throws, and of the source what ``copy(_:)`` throws.
    func copyPart(_ request: CopyPartRequest) async throws(ClusterError) -> CopyPartResult

    /// Makes an object of parts, in the place of the one that is there, and closes the upload.
    ///
    /// To repeat it is harmless: as long as the object that it made is the current one, the same
    /// list of parts gives the same answer.
    ///
    /// Throws `uploadNotFound`; `preconditionFailed` and `objectNotFound` for the condition;
    /// `uploadConflict` if another list of parts has been sealed by a completion that did not end:
    /// repeat that one, or abort. What ``CompleteUploadRequest/checksums`` throws fails it, too.
    /// Nothing was written then, and the upload is open as before.
    func completeUpload(
        _ request: CompleteUploadRequest
    ) async throws(ClusterError) -> CompleteUploadOutcome

    /// Closes an upload and drops its parts.
    ///
    /// Throws `uploadNotFound` if it is not open.
    func abortUpload(_ name: UploadName) async throws(ClusterError)

    /// Parts in the order of their numbers.
    ///
    /// Throws `uploadNotFound` if the upload is not open.
    func listParts(_ request: ListPartsRequest) async throws(ClusterError) -> PartPage

    /// Open uploads of a bucket, in the order of keys, and of ids among those of one key.
    func listUploads(_ request: ListUploadsRequest) async throws(ClusterError) -> UploadPage
}

extension ObjectStore {
    /// Creates a bucket of the root user, as new buckets are.
    package func createBucket(_ name: BucketName) async throws(ClusterError) {
        try await self.createBucket(name, settings: BucketSettings())
    }

    /// Looks up the current version of an object.
    package func open(_ name: ObjectName) async throws(ClusterError) -> any OpenObject {
        try await self.open(name, version: nil)
    }

    /// Deletes an object.
    @discardableResult
    package func delete(
        _ name: ObjectName,
        condition: WriteCondition
    ) async throws(ClusterError) -> DeleteResult {
        try await self.delete(DeleteRequest(name: name, condition: condition))
    }
}

/// A bucket and a key.
package struct ObjectName: Hashable, Sendable, CustomStringConvertible {
    package let bucket: BucketName
    package let key: ObjectKey

    package init(_ bucket: BucketName, _ key: ObjectKey) {
        self.bucket = bucket
        self.key = key
    }

    package var description: String { "\(self.bucket)/\(self.key)" }
}

package struct BucketSummary: Hashable, Sendable {
    package let name: BucketName
    package let created: HybridTime
    package let settings: BucketSettings

    package init(
        name: BucketName,
        created: HybridTime,
        settings: BucketSettings = BucketSettings()
    ) {
        self.name = name
        self.created = created
        self.settings = settings
    }
}

/// What is known of a version without its bytes.
package struct ObjectSummary: Hashable, Sendable {
    package let version: VersionID
    /// What clients call the version; nil in a bucket that never kept versions.
    package var name: VersionName?
    /// Without quotes.
    package let etag: String
    package let size: UInt64
    package let storageClass: StorageClass
    package let modified: HybridTime
    package let metadata: ObjectMetadata
    package let checksums: [Checksum]
    /// The parts that it was made of; empty if nobody remembers any.
    package let parts: [PartRun]
    /// Empty in listings.
    package let tags: [Tag]
    /// In listings the owner alone.
    package let access: AccessList
    /// When the rules of the bucket remove it if it stays the current version; nil in listings.
    package var expiry: LifecycleExpiry?

    package init(
        version: VersionID,
        name: VersionName? = nil,
        etag: String,
        size: UInt64,
        storageClass: StorageClass,
        modified: HybridTime,
        metadata: ObjectMetadata,
        checksums: [Checksum],
        parts: [PartRun] = [],
        tags: [Tag] = [],
        access: AccessList = AccessList()
    ) {
        self.version = version
        self.name = name
        self.etag = etag
        self.size = size
        self.storageClass = storageClass
        self.modified = modified
        self.metadata = metadata
        self.checksums = checksums
        self.parts = parts
        self.tags = tags
        self.access = access
    }
}

package struct PutRequest: Sendable {
    package let name: ObjectName
    package var metadata: ObjectMetadata
    package var storageClass: StorageClass
    package var condition: WriteCondition
    /// Bytes announced by the client; nil if it did not say.
    package var announcedBytes: UInt64?
    /// Checksums that the body source will have verified when it ends.
    ///
    /// Others come with the end itself: ``BodySource/checksumsAtEnd()``.
    package var checksums: [Checksum]
    package var tags: [Tag]
    package var access: AccessList

    package init(
        name: ObjectName,
        metadata: ObjectMetadata,
        storageClass: StorageClass = .standard,
        condition: WriteCondition = .none,
        announcedBytes: UInt64?,
        checksums: [Checksum] = [],
        tags: [Tag] = [],
        access: AccessList = AccessList()
    ) {
        self.name = name
        self.metadata = metadata
        self.storageClass = storageClass
        self.condition = condition
        self.announcedBytes = announcedBytes
        self.checksums = checksums
        self.tags = tags
        self.access = access
    }
}

/// The bytes of a request body, in order.
///
/// The source checks what the client promised of the body (length, hashes): if a check fails,
/// ``next()`` throws instead of returning nil, and nothing is committed. One reader, one call at a
/// time.
package protocol BodySource: Sendable {
    /// The next bytes, never empty; nil at the end.
    ///
    /// Not asking is back-pressure.
    func next() async throws -> ByteBuffer?
    /// Checksums that came behind the body and were verified with its end.
    func checksumsAtEnd() async -> [Checksum]
}

extension BodySource {
    package func checksumsAtEnd() async -> [Checksum] { [] }
}

/// An object found, pinned to the version that was current when it was opened.
package protocol OpenObject: Sendable {
    var summary: ObjectSummary { get }
    /// Starts reading.
    ///
    /// `range` lies within the object; an empty range gives no bytes.
    func read(_ range: Range<UInt64>) -> any BodyReader
}

/// The bytes of an object, verified before they are handed out.
package protocol BodyReader: Sendable {
    /// The next bytes, never empty, at most ``Limit/chunkBytes``; nil at the end.
    ///
    /// Throws `dataUnavailable` if no intact copy can be read, and `versionGone` if the version was
    /// deleted or overwritten meanwhile and its content is gone.
    func next() async throws(ClusterError) -> ByteBuffer?
}

package struct CopyRequest: Sendable {
    package enum Mode: String, Hashable, Sendable {
        /// By reference whenever the storage class stays the same.
        case automatic
        case reference
        case independent
    }

    package let source: ObjectName
    /// The version that is copied; nil for the current one.
    package var sourceVersion: VersionName?
    package let target: ObjectName
    package var mode: Mode
    /// The target's storage class.
    ///
    /// It is never inherited.
    package var storageClass: StorageClass
    /// nil keeps the source's metadata, but for its website redirect, which is never inherited.
    package var metadata: ObjectMetadata?
    /// The target's website redirect where ``metadata`` is nil.
    package var websiteRedirect: String?
    /// nil keeps the source's tags.
    package var tags: [Tag]?
    /// The target's: never inherited.
    package var access = AccessList()
    package var condition: WriteCondition
    /// Largest source that is copied, in bytes.
    package var sizeMax: UInt64
    /// Looks at the source version before anything is written; what it throws fails the copy.
    package var sourceCheck: @Sendable (ObjectSummary) throws(ClusterError) -> Void
    /// Reads along, to compute the target's checksums, where the source has others: its bytes then
    /// go to the coordinator, by way of the body that this makes of them.
    ///
    /// What ``BodySource/checksumsAtEnd()`` gives becomes the target's checksums. Nil carries the
    /// source's. The copy is made by reference all the same.
    package var observe: (@Sendable (ObjectSummary, any BodySource) -> (any BodySource)?)?

    package init(
        source: ObjectName,
        target: ObjectName,
        mode: Mode = .automatic,
        storageClass: StorageClass = .standard,
        metadata: ObjectMetadata? = nil,
        condition: WriteCondition = .none,
        sizeMax: UInt64 = Limit.objectBytes,
        sourceCheck: @escaping @Sendable (ObjectSummary) throws(ClusterError) -> Void = { _ in }
    ) {
        self.source = source
        self.target = target
        self.mode = mode
        self.storageClass = storageClass
        self.metadata = metadata
        self.condition = condition
        self.sizeMax = sizeMax
        self.sourceCheck = sourceCheck
    }
}

package struct CopyResult: Sendable {
    package let summary: ObjectSummary
    /// What clients call the version that was copied; nil in a bucket that never kept versions.
    package var source: VersionName?
    /// How it was made: never `automatic`.
    package let mode: CopyRequest.Mode
    /// Chunks whose bytes were pulled, over all target replicas.
    package let chunksPulled: Int
    /// Content bytes that travelled between nodes for the copy, as stored.
    package let bytesMoved: UInt64

    package init(
        summary: ObjectSummary,
        mode: CopyRequest.Mode,
        chunksPulled: Int,
        bytesMoved: UInt64
    ) {
        self.summary = summary
        self.mode = mode
        self.chunksPulled = chunksPulled
        self.bytesMoved = bytesMoved
    }
}

package struct ListRequest: Hashable, Sendable {
    package let bucket: BucketName
    package var prefix: [UInt8]
    /// nil lists all keys one by one.
    package var delimiter: [UInt8]?
    /// Only entries after this key or common prefix.
    package var after: [UInt8]?
    /// 0 to ``Limit/listEntries``; entries are keys and common prefixes together.
    package var limit: Int

    package init(
        bucket: BucketName,
        prefix: [UInt8] = [],
        delimiter: [UInt8]? = nil,
        after: [UInt8]? = nil,
        limit: Int = Limit.listEntries
    ) {
        self.bucket = bucket
        self.prefix = prefix
        self.delimiter = delimiter
        self.after = after
        self.limit = limit
    }
}

/// One page of a listing, in byte order.
package struct ListPage: Sendable {
    package enum Entry: Sendable {
        case object(ObjectKey, ObjectSummary)
        case commonPrefix([UInt8])
    }

    package let entries: [Entry]
    /// Where the next page starts (``ListRequest/after``); nil at the end.
    package let next: [UInt8]?

    package init(entries: [Entry], next: [UInt8]?) {
        self.entries = entries
        self.next = next
    }
}
