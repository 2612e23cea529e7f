/// Which version of a key is meant.
package enum VersionSelector: Hashable, Sendable {
    /// The newest one, whatever it is.
    case current
    /// The one that clients know as `null`.
    case null
    /// One that was made while its bucket kept versions.
    case id(VersionID)

    /// The version of that name; the newest one for nil.
    package init(_ name: VersionName?) {
        switch name {
        case nil: self = .current
        case .null?: self = .null
        case .id(let id)?: self = .id(id)
        }
    }
}

/// What can be changed of a version that is there; its content, its time and its ETag cannot.
package enum VersionEdit: Hashable, Sendable {
    case tags([Tag])
    case access(AccessList)
}

extension ObjectRecord {
    /// Where the version is; nil if the key has none like that.
    package func index(of selector: VersionSelector) -> Int? {
        switch selector {
        case .current: self.versions.isEmpty ? nil : 0
        case .null: self.versions.firstIndex { $0.isNull }
        case .id(let id): self.versions.firstIndex { $0.id == id && !$0.isNull }
        }
    }
}
