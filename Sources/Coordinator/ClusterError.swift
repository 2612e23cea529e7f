package import StoreModel

/// A delete marker that an operation has met.
package struct MetMarker: Hashable, Sendable {
    package let name: VersionName
    package let modified: HybridTime

    package init(name: VersionName, modified: HybridTime) {
        self.name = name
        self.modified = modified
    }
}

/// A cluster operation that did not complete.
///
/// The only error type that crosses the coordinator's border.
package struct ClusterError: Error, Sendable, CustomStringConvertible {
    /// What the caller can do about it; each has one row in the gateway's table
    /// (docs/s3/errors.md).
    package enum Code: String, Hashable, Sendable, CaseIterable {
        case bucketNotFound
        case bucketAlreadyOwned
        case bucketNotEmpty
        /// There is none, or the newest version is a delete marker: ``ClusterError/marker``.
        case objectNotFound
        case versionNotFound
        /// The version was deleted or overwritten while it was read, and its content is gone.
        ///
        /// Open the object again.
        case versionGone
        /// The version that was asked for by name is a delete marker: ``ClusterError/marker``.
        case versionIsMarker
        case sourceBucketNotFound
        case sourceNotFound
        /// The version to be copied is a delete marker.
        case sourceIsMarker
        /// A condition on the target is false.
        ///
        /// Nothing was written.
        case preconditionFailed
        /// A condition on the source of a copy is false.
        ///
        /// Nothing was written.
        case sourcePreconditionFailed
        /// The object is larger than one request may make it.
        case entityTooLarge
        /// The key has as many versions as it may have, or its record has no room for another.
        ///
        /// Nothing was written.
        case tooManyVersions
        /// The bucket keeps versions, or did: its objects cannot be renamed.
        ///
        /// Nothing was written.
        case bucketKeepsVersions
        /// No such upload is open: there never was one, or it was completed or aborted.
        case uploadNotFound
        /// As many uploads of the key are open as may be.
        case tooManyUploads
        /// A completion that did not end has put the parts together in another way.
        ///
        /// Nothing was written.
        case uploadConflict
        /// The parts consist of more pieces than one object may have.
        ///
        /// Nothing was written.
        case tooFragmented
        /// The client's body ended early, or its checks failed.
        ///
        /// Nothing was written.
        case bodyInvalid
        /// Too many conflicting operations, or too much work waiting.
        ///
        /// Nothing was written; try again.
        case busy
        /// Too few nodes answered.
        ///
        /// Certainly nothing was written; try again.
        case quorumUnavailable
        /// Whoever asked has gone, and the copy was given up.
        ///
        /// Nothing was written.
        case cancelled
        /// Nobody knows whether the change was made.
        case outcomeUnknown
        /// No intact copy of the content could be read.
        case dataUnavailable
        /// A node has no room left.
        case storageFull
        /// No layout yet: the cluster is starting.
        case notReady
        case internalError
    }

    package let code: Code
    /// What was being done, with names: "copy photos/cat.jpg to backup/cat.jpg".
    package let operation: String
    /// The numbers that explain it: ["answered": "1", "needed": "2"].
    package let facts: [String: String]
    package let cause: (any Error)?
    /// The delete marker that was met in place of an object.
    package var marker: MetMarker?

    package init(
        _ code: Code,
        _ operation: String,
        facts: [String: String] = [:],
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.operation = operation
        self.facts = facts
        self.cause = cause
    }

    /// The change that an operation wanted was refused.
    init(_ refusal: WriteRefusal, _ operation: String) {
        let code: Code =
            switch refusal {
            case .preconditionFailed: .preconditionFailed
            case .targetMissing: .objectNotFound
            case .garbageFull: .busy
            case .tooManyVersions: .tooManyVersions
            }
        self.init(code, operation)
    }

    package var description: String {
        let facts = self.facts.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        return "\(self.code.rawValue): \(self.operation)\(facts)"
            + (self.cause.map { " (caused by: \($0))" } ?? "")
    }
}
