package import StoreModel

package struct DeleteRequest: Hashable, Sendable {
    package let name: ObjectName
    /// Deletes this version or marker for good.
    ///
    /// Nil deletes the object as a bucket of its kind does: for good, or by hiding it behind a
    /// delete marker.
    package var version: VersionName?
    /// Of the version that is named, or else of the current one.
    package var condition: WriteCondition
    /// The canonical id of whoever deletes: he owns the marker.
    ///
    /// Empty for the root user.
    package var owner: String

    package init(
        name: ObjectName,
        version: VersionName? = nil,
        condition: WriteCondition = .none,
        owner: String = ""
    ) {
        self.name = name
        self.version = version
        self.condition = condition
        self.owner = owner
    }
}

package struct DeleteResult: Hashable, Sendable {
    /// The marker that was made, or the version that is gone; nil in a bucket that never kept
    /// versions.
    package let version: VersionName?
    /// Whether a delete marker was made, or was what was removed.
    package let isMarker: Bool

    package init(version: VersionName?, isMarker: Bool) {
        self.version = version
        self.isMarker = isMarker
    }
}

package struct ListVersionsRequest: Hashable, Sendable {
    /// Where a page starts: behind all versions of a key, or behind one of them; or behind a common
    /// prefix.
    package struct Marker: Hashable, Sendable {
        /// A key or a common prefix.
        package let name: [UInt8]
        /// Nil: behind all of the key's versions.
        package let version: VersionName?

        package init(_ name: [UInt8], version: VersionName? = nil) {
            self.name = name
            self.version = version
        }
    }

    package let bucket: BucketName
    package var prefix: [UInt8]
    /// nil lists all versions one by one.
    package var delimiter: [UInt8]?
    package var after: Marker?
    /// 0 to ``Limit/listEntries``; entries are versions and common prefixes together.
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

/// A version or a delete marker, as it is listed.
package struct ListedVersion: Hashable, Sendable {
    package let key: ObjectKey
    package let name: VersionName
    package let isMarker: Bool
    /// Whether it is the newest one of its key.
    package let isLatest: Bool
    /// Without quotes; empty for a marker.
    package let etag: String
    package let size: UInt64
    package let storageClass: StorageClass
    package let modified: HybridTime
    package let checksums: [Checksum]
    /// A canonical id; empty for the root user.
    package let owner: String

    package init(_ key: ObjectKey, _ version: Version, isLatest: Bool) {
        self.key = key
        self.name = version.name
        self.isMarker = version.isMarker
        self.isLatest = isLatest
        self.etag = version.etag
        self.size = version.size
        self.storageClass = version.storageClass
        self.modified = version.modified
        self.checksums = version.checksums
        self.owner = version.access.owner
    }
}

/// One page of a list of versions, in order.
package struct VersionPage: Hashable, Sendable {
    package enum Entry: Hashable, Sendable {
        case version(ListedVersion)
        case commonPrefix([UInt8])
    }

    package let entries: [Entry]
    /// Where the next page starts (``ListVersionsRequest/after``); nil at the end.
    package let next: ListVersionsRequest.Marker?

    package init(entries: [Entry], next: ListVersionsRequest.Marker?) {
        self.entries = entries
        self.next = next
    }
}
