import StoreModel

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
        case objectNotFound
        case sourceBucketNotFound
        case sourceNotFound
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
        case tooManyVersions
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
            }
        self.init(code, operation)
    }

    package var description: String {
        let facts = self.facts.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        return "\(self.code.rawValue): \(self.operation)\(facts)"
            + (self.cause.map { " (caused by: \($0))" } ?? "")
    }
}
