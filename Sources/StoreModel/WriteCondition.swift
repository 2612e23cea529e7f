/// A condition on the target of a write, evaluated inside the change that makes it.
package enum WriteCondition: Hashable, Sendable {
    case none
    /// `If-None-Match: *`.
    case absent
    /// `If-Match`: the ETag without quotes. An absent object fails with `objectNotFound`.
    case matches(etag: String)
}

extension WriteCondition {
    /// Why a write of an object whose current version is `current` is refused; nil if it is not.
    ///
    /// Behind a delete marker there is none.
    package func refusal(on current: Version?) -> WriteRefusal? {
        self.refusal(onETag: current?.etag)
    }

    /// The same by the ETag of the current version; nil if there is none.
    package func refusal(onETag current: String?) -> WriteRefusal? {
        switch self {
        case .none: nil
        case .absent: current == nil ? nil : .preconditionFailed
        case .matches(let etag):
            if let current {
                current == etag ? nil : .preconditionFailed
            } else {
                .targetMissing
            }
        }
    }
}

/// Why a change of an object is not made, and nothing changes.
package enum WriteRefusal: Hashable, Sendable {
    /// The condition is false.
    case preconditionFailed
    /// The condition names a version of an object that does not exist.
    case targetMissing
    /// Too much dropped content of the key waits for release.
    case garbageFull
    /// The key has ``Limit/versions``, or its record ``Limit/objectRecordBytes``.
    case tooManyVersions
}
