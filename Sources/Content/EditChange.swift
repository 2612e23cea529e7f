package import Register
package import StoreModel

/// Changes something of one version.
package struct EditChange: RegisterChange {
    package enum Outcome: Hashable, Sendable {
        case edited(Version)
        /// The key has no such version.
        case absent
        /// It is a delete marker: there is nothing to change.
        case marker(Version)
    }

    package let selector: VersionSelector
    package let edit: VersionEdit

    package init(_ selector: VersionSelector, _ edit: VersionEdit) {
        self.selector = selector
        self.edit = edit
    }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome> {
        var record = try ObjectRecord(value)
        guard let index = record.index(of: self.selector) else { return .keep(.absent) }
        let before = record.versions[index]
        guard !before.isMarker else { return .keep(.marker(before)) }
        switch self.edit {
        case .tags(let tags): record.versions[index].tags = tags
        case .access(let access): record.versions[index].access = access
        }
        let after = record.versions[index]
        return after == before ? .keep(.edited(after)) : record.decision(.edited(after))
    }
}
