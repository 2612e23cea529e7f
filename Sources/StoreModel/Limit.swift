/// Bounds that every node agrees on.
///
/// A limit is part of a format, not a setting: changing one changes what is on disk or on the wire.
package enum Limit {
    /// Partitions of the ring: 2⁸.
    package static let partitions = 256
    /// Largest chunk, in bytes of content (4 MiB).
    ///
    /// At 1 Gbit/s one chunk occupies a link for 34 ms (4 × 2²⁰ × 8 bit ÷ 10⁹ bit/s).
    package static let chunkBytes = 4 << 20
    /// Unit of compression and of checksum inside a chunk, in bytes of content (128 KiB).
    package static let blockBytes = 128 << 10
    /// Most blocks in one chunk: ``chunkBytes`` ÷ ``blockBytes`` = 32.
    package static let chunkBlocks = chunkBytes / blockBytes
    /// Largest content kept inside the version itself, in bytes (16 KiB).
    package static let inlineBytes = 16 << 10
    /// Longest object key, in bytes of UTF-8.
    ///
    /// Source: S3, "Object key naming guidelines".
    package static let keyBytes = 1_024
    /// Longest bucket name.
    ///
    /// Source: S3, "Bucket naming rules".
    package static let bucketNameBytes = 63
    /// Names and values of user metadata together, in bytes.
    ///
    /// Source: S3, "System-defined metadata".
    package static let userMetadataBytes = 2 << 10
    /// Largest object of one PUT and of one CopyObject, in bytes (5 GiB).
    ///
    /// Source: S3 PutObject.
    package static let objectBytes: UInt64 = 5 << 30
    /// Operations remembered in a register's value.
    package static let lineage = 16
    /// Holders of one manifest.
    package static let holders = 256
    /// Holders that versions may take; the rest is kept for child manifests: 256 − 32.
    package static let versionHolders = 224
    /// Names of all holders of one manifest together, in bytes (64 KiB): a hold is sent with each
    /// change.
    package static let holderBytes = 64 << 10
    /// The part of ``holderBytes`` that is kept for child manifests: 32 names of 19 bytes.
    package static let childHolderBytes = (holders - versionHolders) * (1 + ManifestID.byteCount)
    /// Segment runs of one manifest: ``parts`` × 3, since a part copied from the middle of an
    /// object has a run of whole chunks and two ends.
    package static let segmentRuns = 30_000
    /// Segment runs that a version carries itself; if there are more, its manifest alone has them.
    package static let inlineRuns = 32
    /// Manifests that one manifest borrows from: one for each part.
    package static let borrows = parts
    /// Parts of one multipart upload.
    ///
    /// Source: S3, "Multipart upload limits".
    package static let parts = 10_000
    /// Smallest part but for the last (5 MiB).
    ///
    /// Source: S3, "Multipart upload limits".
    package static let partBytesMin: UInt64 = 5 << 20
    /// Largest part (5 GiB).
    ///
    /// Source: S3, "Multipart upload limits".
    package static let partBytesMax: UInt64 = 5 << 30
    /// Segment runs of one part: ``partBytesMax`` ÷ ``partBytesMin``.
    package static let partRuns = 1_024
    /// Runs of parts of one size that a version remembers.
    package static let partSizes = 32
    /// Manifests held on behalf of one part, over all its uploads.
    package static let partBorrows = 16
    /// Open uploads of one key.
    ///
    /// 100 × 31 KiB (headers of at most 7 × 4 KiB, metadata of 2 KiB, ids) fit into one value.
    package static let uploads = 100
    /// Checksums of one version or part.
    package static let checksums = 8
    /// Versions of one key.
    package static let versions = 1_000
    /// Tags of one object.
    ///
    /// Source: S3, "Categorizing your storage using tags".
    package static let objectTags = 10
    /// Grants of one access list.
    ///
    /// Source: S3, "Access control list overview".
    package static let grants = 100
    /// Longest document of a bucket's settings, in bytes (64 KiB).
    ///
    /// Six of them fit into one value.
    package static let bucketDocumentBytes = 64 << 10
    /// Largest content kept inside a version of a bucket that keeps old versions, in bytes: 1,000
    /// of them and their metadata fit into one value.
    package static let versionedInlineBytes = 2 << 10
    /// Lifecycle rules of one bucket.
    ///
    /// Source: S3, PutBucketLifecycleConfiguration. So many fit into a bucket's document only if
    /// they are short.
    package static let lifecycleRules = 1_000
    /// Dropped entries of one key that wait for release.
    ///
    /// A change that would add one more is refused until the sweep has caught up.
    package static let garbage = 1_000
    /// Largest value of a register, in bytes: 1,000 versions fit with inline content in few of
    /// them.
    package static let registerValueBytes = 4 << 20
    /// Segments of a manifest that take so many bytes (16 KiB, 410 runs) are the tail of its
    /// register's value: written once, and named from then on.
    ///
    /// Shorter ones cost less than a second row.
    package static let tailBytes = 16 << 10
    /// Largest record of an object that a version or an upload is added to, in bytes: 256 KiB are
    /// left of ``registerValueBytes`` for tags and grants that are set later.
    ///
    /// What a change drops leaves an entry that is shorter than it was itself.
    package static let objectRecordBytes = registerValueBytes - (256 << 10)
    /// Access keys that were made while the cluster runs: they lie in one value, of at most 500 KB.
    package static let accessKeys = 1_000
    /// Longest id of an access key, and longest secret, in bytes.
    ///
    /// Source: AWS Identity and Access Management, AccessKey.
    package static let accessKeyBytes = 128
    /// Longest name of a user, and of a key, in bytes.
    ///
    /// Source: AWS Identity and Access Management, CreateUser.
    package static let userNameBytes = 64
    /// Nodes of one layout.
    package static let nodes = 1_024
    /// Replicas of metadata and of STANDARD content.
    package static let replicas = 3
    /// Replicas of REDUCED_REDUNDANCY content.
    package static let reducedReplicas = 2
    /// Replicas of the system partition.
    package static let systemReplicas = 5
    /// Entries of one page of a listing.
    ///
    /// Source: S3, ListObjectsV2 `max-keys`.
    package static let listEntries = 1_000
    /// Rows in one answer to a scan: a page, and one more to know whether another follows.
    package static let scanRows = listEntries + 1
    /// Most names of chunks in one message: 28 KB.
    package static let chunkNames = 1_000
}
