/// A condition on the target of a write, evaluated inside the change that makes it.
package enum WriteCondition: Hashable, Sendable {
    case none
    /// `If-None-Match: *`.
    case absent
    /// `If-Match`: the ETag without quotes. An absent object fails with `objectNotFound`.
    case matches(etag: String)
}

extension WriteCondition {
    /// What a condition says of the version that is current.
    package enum Verdict: Hashable, Sendable {
        case holds
        case fails
        /// There is nothing that could match.
        case targetMissing
    }

    package func verdict(on current: Version?) -> Verdict {
        switch self {
        case .none: .holds
        case .absent: current == nil ? .holds : .fails
        case .matches(let etag):
            if let current { current.etag == etag ? .holds : .fails } else { .targetMissing }
        }
    }
}
