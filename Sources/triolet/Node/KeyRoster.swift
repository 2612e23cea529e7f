import AdminAPI
import StoreModel

/// All keys that a node takes: those of its settings, and those that the cluster has.
///
/// Decides what is meant by a name, and what a new key may be.
struct KeyRoster {
    struct Settings: Sendable {
        let rootKey: String
        let users: [UsersFile.User]
    }

    /// Fewest characters that name a key if they are not all of its id.
    private static let prefixMin = 4

    private let settings: Settings
    /// Root, then those of the file, then those of the cluster, each in the order of their ids.
    let keys: [KeyReport]

    init(_ settings: Settings, _ clusterKeys: [AccessKey]) {
        self.settings = settings
        let root = KeyReport(
            id: settings.rootKey,
            name: "",
            user: Self.root(settings),
            source: .root
        )
        var filed: [KeyReport] = []
        for user in settings.users {
            for key in user.keys where key.accessKey != root.id {
                filed.append(
                    KeyReport(id: key.accessKey, name: "", user: .init(user), source: .file)
                )
            }
        }
        filed.sort { $0.id < $1.id }
        let known = Set(filed.map(\.id) + [root.id])
        // Those of the settings come first: the gateway takes no other of the same id.
        let others = clusterKeys.filter { !known.contains($0.id) }.map(KeyReport.init)
        self.keys = [root] + filed + others
    }

    private static func root(_ settings: Settings) -> KeyReport.User {
        KeyReport.User(id: settings.rootKey, name: "root", account: "000000000000")
    }

    /// The user whom records know by an id; empty means root.
    func user(_ recordID: String) -> KeyReport.User {
        if recordID.isEmpty { return Self.root(self.settings) }
        let known = self.users.first { $0.id == recordID }
        return known ?? KeyReport.User(id: recordID, name: "", account: "")
    }

    private var users: [KeyReport.User] {
        self.settings.users.map(KeyReport.User.init) + self.keys.map(\.user)
    }

    /// The key with an id, or the one whose id begins like that.
    func key(_ name: String) throws(AdminRefusal) -> KeyReport {
        if let key = self.keys.first(where: { $0.id == name }) { return key }
        let found = self.keys.filter {
            name.utf8.count >= Self.prefixMin && $0.id.hasPrefix(name)
        }
        guard let key = found.first else {
            throw AdminRefusal(.unknown, "there is no key \(name): triolet key list shows all")
        }
        guard found.count == 1 else {
            let ids = found.map(\.id).joined(separator: ", ")
            throw AdminRefusal(.conflict, "several keys begin with \(name): \(ids)")
        }
        return key
    }

    /// A new key; what the request leaves open is drawn.
    func newKey(
        _ request: KeyRequest,
        drawn: (accessKey: String, secretKey: Secret)
    ) throws(AdminRefusal) -> AccessKey {
        guard (request.accessKey == nil) == (request.secretKey == nil) else {
            throw AdminRefusal(.invalid, "give both halves of a key, or none")
        }
        let id = request.accessKey ?? drawn.accessKey
        let secret = request.secretKey ?? drawn.secretKey.text
        guard AccessKey.isID(id), AccessKey.isSecret(secret) else {
            throw AdminRefusal(
                .invalid,
                "an access key has 3 to 128 letters, digits, dots, hyphens and underscores, a "
                    + "secret key 8 to 128 printable characters"
            )
        }
        guard AccessKey.isLabel(request.name ?? "") else {
            throw AdminRefusal(.invalid, "a name has 1 to 64 bytes")
        }
        if let key = self.keys.first(where: { $0.id == id }) { throw Self.taken(key) }
        return AccessKey(
            id: id,
            secret: HiddenText(secret),
            user: try self.newUser(request, of: id),
            label: request.name ?? ""
        )
    }

    static func taken(_ key: KeyReport) -> AdminRefusal {
        let place =
            switch key.source {
            case .root: "it is the root key"
            case .file: "it is in the users file"
            case .cluster: "delete it first, or take another"
            }
        return AdminRefusal(.conflict, "the access key \(key.id) is there already: \(place)")
    }

    private func newUser(
        _ request: KeyRequest,
        of id: String
    ) throws(AdminRefusal) -> KeyUser {
        let name = request.user ?? request.name ?? id
        guard name != "root" else {
            throw AdminRefusal(.invalid, "the root user's key is a setting: root.access_key")
        }
        if let user = self.users.first(where: { $0.name == name }) {
            guard request.user != nil else {
                throw AdminRefusal(
                    .conflict,
                    "there is a user \(name): for another key of it name the user"
                )
            }
            return KeyUser(id: user.id, name: user.name, account: user.account)
        }
        guard Self.isNewName(name) else {
            throw AdminRefusal(
                .invalid,
                "a user's name has 1 to 64 letters, digits and +=,.@_-"
            )
        }
        let made = UsersFile.identity(of: name)
        if let other = self.users.first(where: { $0.id == made.id || $0.account == made.account }) {
            throw AdminRefusal(
                .conflict,
                "the user \(other.name) has the id or the account of this one: take another name"
            )
        }
        return KeyUser(id: made.id, name: name, account: made.account)
    }

    /// Source: AWS Identity and Access Management, CreateUser.
    private static func isNewName(_ name: String) -> Bool {
        KeyUser.isName(name) && name != "anonymous"
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: "+=,.@_-".utf8.contains(byte)
                }
            }
    }
}

extension KeyReport {
    init(_ key: AccessKey) {
        self.init(
            id: key.id,
            name: key.label,
            user: User(id: key.user.id, name: key.user.name, account: key.user.account),
            source: .cluster,
            created: Double(key.created.microseconds) / 1e6
        )
    }
}

extension KeyReport.User {
    init(_ user: UsersFile.User) {
        self.init(id: user.id, name: user.name, account: user.account)
    }
}
