package import StoreModel

/// An object that is to have another key of the same bucket.
package struct RenameRequest: Sendable {
    package let bucket: BucketName
    package let source: ObjectKey
    package let target: ObjectKey
    /// Looks at the source before anything is written; what it throws fails the rename.
    package var sourceCheck: @Sendable (ObjectSummary) throws(ClusterError) -> Void
    /// Looks at what the target is, nil for nothing, inside the change: why it may not be replaced.
    package var targetCheck: @Sendable (ObjectSummary?) -> WriteRefusal?

    package init(
        _ source: ObjectKey,
        to target: ObjectKey,
        in bucket: BucketName,
        sourceCheck: @escaping @Sendable (ObjectSummary) throws(ClusterError) -> Void = { _ in },
        targetCheck: @escaping @Sendable (ObjectSummary?) -> WriteRefusal? = { _ in nil }
    ) {
        self.bucket = bucket
        self.source = source
        self.target = target
        self.sourceCheck = sourceCheck
        self.targetCheck = targetCheck
    }
}
