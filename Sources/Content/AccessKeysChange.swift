package import Register
package import StoreModel

/// A change of the list of access keys.
///
/// What must not be there twice is decided here, on the list as it is chosen: two nodes that make
/// keys at once cannot both make the same one, nor two users of one name.
///
/// Source: docs/protocol/registers.md, "Access keys".
package enum AccessKeysChange: RegisterChange {
    case create(AccessKey)
    case delete(id: String)

    package enum Outcome: Hashable, Sendable {
        case created
        /// There is a key with this id, which stays as it is.
        case idTaken
        /// There is a user with this name and another id or account, or the reverse.
        case userDiffers(KeyUser)
        /// There are ``Limit/accessKeys``.
        case full
        case deleted(AccessKey)
        case absent
    }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome> {
        var keys: [AccessKey] = []
        if let body = value?.body { keys = try AccessKeysRecord(decoding: body).keys }
        switch self {
        case .create(let key):
            guard !keys.contains(where: { $0.id == key.id }) else { return .keep(.idTaken) }
            let namesake = keys.first { $0.user != key.user && $0.user.clashes(with: key.user) }
            if let namesake { return .keep(.userDiffers(namesake.user)) }
            guard keys.count < Limit.accessKeys else { return .keep(.full) }
            return Self.write(keys + [key], .created)
        case .delete(let id):
            guard let key = keys.first(where: { $0.id == id }) else { return .keep(.absent) }
            return Self.write(keys.filter { $0.id != id }, .deleted(key))
        }
    }

    /// Without keys there is no record.
    private static func write(_ keys: [AccessKey], _ outcome: Outcome) -> ChangeDecision<Outcome> {
        let body = keys.isEmpty ? nil : AccessKeysRecord(keys).encoded
        return .write(body: body, hasGarbage: false, outcome)
    }
}

extension KeyUser {
    fileprivate func clashes(with other: KeyUser) -> Bool {
        self.id == other.id || self.name == other.name || self.account == other.account
    }
}
