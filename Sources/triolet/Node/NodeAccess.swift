import AdminAPI
import Content
import Coordinator
import StoreModel

/// Keys of the cluster, and what they may do, for the admin port of a node.
struct NodeAccess: AccessAdmin {
    let store: any ObjectStore & AccessKeyStore
    let settings: KeyRoster.Settings

    func keys() async throws(AdminRefusal) -> KeyList {
        KeyList(keys: try await self.roster().keys)
    }

    func key(_ name: String) async throws(AdminRefusal) -> KeyReport {
        let roster = try await self.roster()
        var key = try roster.key(name)
        guard key.source != .root else { return key }
        let buckets = try await self.asking { () throws(ClusterError) in
            try await self.store.buckets()
        }
        key.grants = buckets.flatMap { bucket in
            Self.grants(of: bucket, roster).filter { $0.user.id == key.user.id }
        }
        return key
    }

    func createKey(_ request: KeyRequest) async throws(AdminRefusal) -> NewKey {
        let key = try await self.roster().newKey(
            request,
            drawn: (RootKeyFile.newAccessKey(), SecretFile.random(40))
        )
        let outcome = try await self.asking { () throws(ClusterError) in
            try await self.store.change(AccessKeysChange.create(key))
        }
        switch outcome {
        case .created: break
        case .idTaken: throw KeyRoster.taken(KeyReport(key))
        case .userDiffers(let user):
            throw AdminRefusal(
                .conflict,
                "the user \(user.name) has been made meanwhile, with another id or account: is "
                    + "the users file the same on every node?"
            )
        case .full, .absent, .deleted:
            throw AdminRefusal(
                .conflict,
                "there are \(Limit.accessKeys) keys, as many as there may be: delete some"
            )
        }
        let made = try await self.roster().keys.first { $0.id == key.id } ?? KeyReport(key)
        return NewKey(key: made, secretKey: key.secret.revealed)
    }

    func deleteKey(_ name: String) async throws(AdminRefusal) -> KeyReport {
        let key = try await self.roster().key(name)
        switch key.source {
        case .cluster: break
        case .file:
            throw AdminRefusal(
                .conflict,
                "\(key.id) is in the users file: remove it there, on every node, and start the "
                    + "nodes again"
            )
        case .root:
            throw AdminRefusal(.conflict, "\(key.id) is the root key: it is a setting of the nodes")
        }
        _ = try await self.asking { () throws(ClusterError) in
            try await self.store.change(AccessKeysChange.delete(id: key.id))
        }
        return key
    }

    func roster() async throws(AdminRefusal) -> KeyRoster {
        let keys = try await self.asking { () throws(ClusterError) in
            try await self.store.accessKeys()
        }
        return KeyRoster(self.settings, keys)
    }

    func asking<Value: Sendable>(
        _ work: () async throws(ClusterError) -> Value
    ) async throws(AdminRefusal) -> Value {
        do throws(ClusterError) { return try await work() } catch { throw AdminRefusal(error) }
    }
}

extension AdminRefusal {
    init(_ error: ClusterError) {
        switch error.code {
        case .bucketNotFound:
            self.init(.unknown, "there is no such bucket: triolet bucket list shows all")
        case .bucketAlreadyOwned: self.init(.conflict, "there is a bucket of this name")
        case .bucketNotEmpty:
            self.init(
                .conflict,
                "the bucket is not empty: delete its objects, old versions and open uploads first"
            )
        case .outcomeUnknown:
            self.init(
                .unavailable,
                "nobody knows whether this was done: look (triolet key list, triolet bucket info) "
                    + "before you try again"
            )
        case .quorumUnavailable, .notReady:
            self.init(.unavailable, "too few nodes answer, nothing was changed: triolet health")
        default: self.init(.unavailable, "nothing was changed, try again: \(error)")
        }
    }
}
