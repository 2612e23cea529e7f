import AdminAPI
import ChunkStore
import Coordinator
import Logging
import NIOCore
import NIOSSL
import Peering
import Runtime
import S3Gateway
import S3Protocol
import StorageNode
import StoreModel

/// What each part of a node is told.
extension NodeConfiguration {
    func storageNode(in directory: DataDirectory) throws -> StorageNodeSettings {
        var settings = StorageNodeSettings(
            name: self.node.name,
            zone: self.node.zone,
            capacityBytes: try self.node.capacityBytes ?? directory.space().sizeBytes,
            address: self.peer.advertise.description
        )
        settings.chunks.reserveBytes = self.diskReserveBytes
        return settings
    }

    func peering(own: NodeID) throws -> PeeringSettings {
        // A node that is alone lets nobody in.
        let secret = self.peer.secret ?? SecretFile.random(43)
        guard let secret = ClusterSecret(secret.text) else {
            throw Failure("the cluster secret is too short", .usage)
        }
        let listen = PeerAddress(host: self.peer.listen.host, port: self.peer.listen.port)
        return PeeringSettings(secret: secret, own: own, listen: listen)
    }

    var adminServer: AdminServer.Settings {
        AdminServer.Settings(
            host: self.admin.listen.host,
            port: self.admin.listen.port,
            token: self.admin.token?.text
        )
    }

    /// For the first line of the log.
    func summary(of node: NodeID) -> Logger.Metadata {
        [
            "version": "\(Version.text)",
            "node.id": "\(node)",
            "s3.listen": "\(self.s3.listen)",
            "admin.listen": "\(self.admin.listen)",
            "peer.listen": "\(self.peer.listen)",
            "peer.seeds": "\(self.peer.seeds.joined(separator: ","))",
            "node.data": "\(self.node.data)",
        ]
    }
}

extension NodeConfiguration {
    /// The S3 port.
    func gateway(
        store: any ObjectStore & AccessKeyStore,
        root: RootKey,
        doors: Doors,
        group: any EventLoopGroup,
        tls: TLSConfiguration?
    ) -> S3Server {
        var settings = S3Settings()
        settings.region = self.s3.region
        settings.domains = self.s3.domains
        settings.copyBytesMax = self.s3.copyBytesMax
        settings.limits.connectionsMax = self.s3.connectionsMax
        settings.limits.requestsMax = self.s3.requestsMax
        let logger = Logger(label: "triolet.s3")
        return S3Server(
            settings: .init(host: self.s3.listen.host, port: self.s3.listen.port, tls: tls),
            service: S3Service(
                store: store,
                credentials: KeyDirectory(
                    fixed: self.credentials(root),
                    store: store,
                    doors: doors
                ),
                settings: settings,
                doors: doors,
                logger: logger
            ),
            group: group,
            logger: logger
        )
    }

    /// Who is in the settings; the root key counts if a user has the same one.
    private func credentials(_ root: RootKey) -> FixedCredentials {
        var credentials: [String: Credential] = [:]
        var emails: [String: String] = [:]
        for user in self.users.users {
            for key in user.keys {
                credentials[key.accessKey] = Credential(
                    secret: SecretKey(key.secretKey.text),
                    owner: user.owner
                )
            }
            emails[user.id] = user.email
        }
        let owner = Owner(id: root.accessKey, displayName: "root", isRoot: true)
        credentials[root.accessKey] = Credential(
            secret: SecretKey(root.secretKey.text),
            owner: owner
        )
        return FixedCredentials(root: owner, credentials, emails: emails)
    }
}
