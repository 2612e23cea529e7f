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
        /// Another version has taken its place.
        case replaced
    }

    /// Nil edits the newest version, whatever it is.
    package let name: VersionName?
    package let edit: VersionEdit
    /// Nil edits whatever is found by that name.
    package let expected: VersionID?

    package init(
        _ name: VersionName?,
        _ edit: VersionEdit,
        ifStill expected: VersionID? = nil
    ) {
        self.name = name
        self.edit = edit
        self.expected = expected
    }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome> {
        var record = try ObjectRecord(value)
        guard
            let index = record.versions.firstIndex(where: {
                self.name == nil || $0.name == self.name
            })
        else { return .keep(.absent) }
        let before = record.versions[index]
        if let expected = self.expected, before.id != expected { return .keep(.replaced) }
        guard !before.isMarker else { return .keep(.marker(before)) }
        switch self.edit {
        case .tags(let tags): record.versions[index].tags = tags
        case .access(let access): record.versions[index].access = access
        }
        let after = record.versions[index]
        return after == before ? .keep(.edited(after)) : record.decision(.edited(after))
    }
}
