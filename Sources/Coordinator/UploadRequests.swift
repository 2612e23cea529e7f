package import StoreModel

/// An upload of a key.
///
/// An id under another key than its own is not found.
package struct UploadName: Hashable, Sendable, CustomStringConvertible {
    package let object: ObjectName
    package let id: UploadID

    package init(_ object: ObjectName, _ id: UploadID) {
        self.object = object
        self.id = id
    }

    package var description: String { "upload \(self.id) of \(self.object)" }
}

package struct CreateUploadRequest: Sendable {
    package let name: ObjectName
    package var metadata: ObjectMetadata
    package var storageClass: StorageClass
    /// The checksum that parts have to have, if any.
    package var checksum: ChecksumKind?
    /// Of the object to be.
    package var tags: [Tag]
    /// Of the object to be.
    package var access: AccessList

    package init(
        name: ObjectName,
        metadata: ObjectMetadata,
        storageClass: StorageClass = .standard,
        checksum: ChecksumKind? = nil,
        tags: [Tag] = [],
        access: AccessList = AccessList()
    ) {
        self.name = name
        self.metadata = metadata
        self.storageClass = storageClass
        self.checksum = checksum
        self.tags = tags
        self.access = access
    }
}

/// An upload that is open.
package struct UploadSummary: Hashable, Sendable {
    package let id: UploadID
    package let storageClass: StorageClass
    package let initiated: HybridTime
    package let checksum: ChecksumKind?
    /// Canonical id of whoever began it; empty for the root user.
    package let owner: String

    package init(
        id: UploadID,
        storageClass: StorageClass,
        initiated: HybridTime,
        checksum: ChecksumKind?,
        owner: String = ""
    ) {
        self.id = id
        self.storageClass = storageClass
        self.initiated = initiated
        self.checksum = checksum
        self.owner = owner
    }
}

package struct PutPartRequest: Sendable {
    package let upload: UploadName
    package let number: PartNumber
    /// Checksums that the body source will have verified when it ends.
    ///
    /// Others come with the end itself: ``BodySource/checksumsAtEnd()``.
    package var checksums: [Checksum]

    package init(upload: UploadName, number: PartNumber, checksums: [Checksum] = []) {
        self.upload = upload
        self.number = number
        self.checksums = checksums
    }
}

/// A part as it is stored.
package struct PartSummary: Hashable, Sendable {
    package let number: PartNumber
    /// Without quotes: the MD5 of its bytes; 32 digits that stand for them if the part was copied
    /// without its bytes being read.
    package let etag: String
    package let size: UInt64
    package let modified: HybridTime
    package let checksums: [Checksum]

    package init(_ number: PartNumber, _ record: PartRecord) {
        self.number = number
        self.etag = record.etag
        self.size = record.size
        self.modified = record.modified
        self.checksums = record.checksums
    }
}

package struct CopyPartRequest: Sendable {
    package let source: ObjectName
    /// The version that is copied; nil for the current one.
    package var sourceVersion: VersionName?
    package let upload: UploadName
    package let number: PartNumber
    /// Bytes of the source; nil for all of it.
    ///
    /// It lies within every source that ``sourceCheck`` lets pass.
    package var range: Range<UInt64>?
    /// Whether chunks of the source may be shared; never if it is `independent`.
    package var mode: CopyRequest.Mode
    /// Looks at the source version before anything is written; what it throws fails the copy.
    package var sourceCheck: @Sendable (ObjectSummary) throws(ClusterError) -> Void
    /// Reads along, to compute checksums: all bytes then go through the coordinator, by way of the
    /// body that this makes of them.
    ///
    /// What ``BodySource/checksumsAtEnd()`` gives becomes the part's checksums. Nil lets the bytes
    /// stay where they are: by reference, or from node to node.
    package var observe: (@Sendable (any BodySource) -> any BodySource)?

    package init(
        source: ObjectName,
        upload: UploadName,
        number: PartNumber,
        range: Range<UInt64>? = nil,
        mode: CopyRequest.Mode = .automatic,
        sourceCheck: @escaping @Sendable (ObjectSummary) throws(ClusterError) -> Void = { _ in },
        observe: (@Sendable (any BodySource) -> any BodySource)? = nil
    ) {
        self.source = source
        self.upload = upload
        self.number = number
        self.range = range
        self.mode = mode
        self.sourceCheck = sourceCheck
        self.observe = observe
    }
}

package struct CopyPartResult: Sendable {
    package let part: PartSummary
    /// The version of the source that was copied.
    package let source: ObjectSummary
    /// How it was made: by reference if whole chunks of the source are shared, never `automatic`.
    package let mode: CopyRequest.Mode
    /// Chunks that the target's nodes have fetched.
    package let chunksPulled: Int
    /// Content bytes that travelled between nodes for the copy, as stored.
    package let bytesMoved: UInt64

    package init(
        part: PartSummary,
        source: ObjectSummary,
        mode: CopyRequest.Mode,
        chunksPulled: Int,
        bytesMoved: UInt64
    ) {
        self.part = part
        self.source = source
        self.mode = mode
        self.chunksPulled = chunksPulled
        self.bytesMoved = bytesMoved
    }
}

/// A part as a client names it when it completes an upload.
package struct PartClaim: Hashable, Sendable {
    package let number: PartNumber
    /// Without quotes.
    package let etag: String
    /// Each must be among the part's own if the part has one by that algorithm.
    package let checksums: [Checksum]

    package init(_ number: PartNumber, etag: String, checksums: [Checksum] = []) {
        self.number = number
        self.etag = etag
        self.checksums = checksums
    }
}

package struct CompleteUploadRequest: Sendable {
    package let upload: UploadName
    /// In the order in which the client gave them.
    package let parts: [PartClaim]
    package var condition: WriteCondition
    /// Bytes that the object must have; nil if the client did not say.
    package var size: UInt64?
    /// Makes the object's checksums of the listed parts, in order; what it throws fails the
    /// completion.
    package var checksums:
        @Sendable (UploadSummary, [PartSummary]) throws(ClusterError) -> [Checksum]

    package init(
        upload: UploadName,
        parts: [PartClaim],
        condition: WriteCondition = .none,
        size: UInt64? = nil,
        checksums:
            @escaping @Sendable (UploadSummary, [PartSummary]) throws(ClusterError) -> [Checksum] =
            { _, _ in [] }
    ) {
        self.upload = upload
        self.parts = parts
        self.condition = condition
        self.size = size
        self.checksums = checksums
    }
}

/// What became of a completion.
package enum CompleteUploadOutcome: Hashable, Sendable {
    case completed(ObjectSummary)
    /// The list of parts is wrong.
    ///
    /// Nothing was written, and the upload is open as before.
    case refused(PartRefusal)
}

/// Why no object can be made of a list of parts.
package enum PartRefusal: Hashable, Sendable {
    case noParts
    /// Numbers do not ascend from each part to the next.
    case notAscending
    /// No such part is stored, or it has another ETag or another checksum.
    case invalid(PartClaim)
    /// A part that is not the last has fewer bytes than `least`.
    case tooSmall(PartClaim, size: UInt64, least: UInt64)
    /// All parts together have another size than the client said.
    case otherSize(UInt64)
}

package struct ListPartsRequest: Hashable, Sendable {
    package let upload: UploadName
    /// Only parts with higher numbers.
    package var after: PartNumber?
    /// 1 to ``Limit/listEntries``.
    package var limit: Int

    package init(
        upload: UploadName,
        after: PartNumber? = nil,
        limit: Int = Limit.listEntries
    ) {
        self.upload = upload
        self.after = after
        self.limit = limit
    }
}

package struct PartPage: Hashable, Sendable {
    package let upload: UploadSummary
    package let parts: [PartSummary]
    /// Where the next page starts (``ListPartsRequest/after``); nil at the end.
    package let next: PartNumber?

    package init(upload: UploadSummary, parts: [PartSummary], next: PartNumber?) {
        self.upload = upload
        self.parts = parts
        self.next = next
    }
}

package struct ListUploadsRequest: Hashable, Sendable {
    /// Where a page starts: behind all uploads of a key, or behind one of them; or behind a common
    /// prefix.
    package struct Marker: Hashable, Sendable {
        /// A key or a common prefix.
        package let name: [UInt8]
        /// Nil: behind all of the key's uploads.
        package let upload: UploadID?

        package init(_ name: [UInt8], upload: UploadID? = nil) {
            self.name = name
            self.upload = upload
        }
    }

    package let bucket: BucketName
    package var prefix: [UInt8]
    /// nil lists all uploads one by one.
    package var delimiter: [UInt8]?
    package var after: Marker?
    /// 0 to ``Limit/listEntries``; entries are uploads and common prefixes together.
    package var limit: Int

    package init(
        bucket: BucketName,
        prefix: [UInt8] = [],
        delimiter: [UInt8]? = nil,
        after: Marker? = nil,
        limit: Int = Limit.listEntries
    ) {
        self.bucket = bucket
        self.prefix = prefix
        self.delimiter = delimiter
        self.after = after
        self.limit = limit
    }
}

/// One page of a list of uploads, in order.
package struct UploadPage: Hashable, Sendable {
    package enum Entry: Hashable, Sendable {
        case upload(ObjectKey, UploadSummary)
        case commonPrefix([UInt8])
    }

    package let entries: [Entry]
    /// Where the next page starts (``ListUploadsRequest/after``); nil at the end.
    package let next: ListUploadsRequest.Marker?

    package init(entries: [Entry], next: ListUploadsRequest.Marker?) {
        self.entries = entries
        self.next = next
    }
}
