import ChunkStore
import Coordinator
import Foundation
import MetadataStore
import StoreModel

/// Everything that a node is told, validated as a whole.
///
/// Built once, before anything is opened; the parts of the node receive values from it, never a
/// reader.
struct NodeConfiguration: Sendable {
    struct Identity: Hashable, Sendable {
        var name: String
        var data: String
        var zone: String
        /// nil: the size of the file system.
        var capacityBytes: UInt64?
    }

    struct S3: Hashable, Sendable {
        var listen: SocketName
        var region: String
        var domains: [String]
        var connectionsMax: Int
        var requestsMax: Int
        /// Largest source of a copy, in bytes.
        var copyBytesMax: UInt64
    }

    struct TLS: Hashable, Sendable {
        var certificate: String
        var key: String
        /// Time from one look at the files to the next.
        var reload: Duration
    }

    struct Admin: Hashable, Sendable {
        var listen: SocketName
        var token: Secret?
    }

    struct Peer: Hashable, Sendable {
        var listen: SocketName
        /// How others reach ``listen``.
        var advertise: SocketName
        /// Addresses of all other nodes, sorted.
        var seeds: [String]
        /// nil: to be generated, for a node that is alone.
        var secret: Secret?
    }

    struct RootKey: Hashable, Sendable {
        var accessKey: String
        var secretKey: Secret
    }

    struct Log: Hashable, Sendable {
        var level: String
        var format: String
    }

    var node: Identity
    var s3: S3
    /// nil: in the clear.
    var tls: TLS?
    var admin: Admin
    var peer: Peer
    /// nil: to be generated, or read from the data directory.
    var root: RootKey?
    var users: UsersFile
    var buckets: [BucketName]
    var coordinator: CoordinatorSettings
    /// Free space that chunks never take, in bytes.
    var diskReserveBytes = ChunkStoreSettings().reserveBytes
    /// Rows kept in memory, in bytes.
    var rowCacheBytes = RocksSettings().blockCacheBytes
    var log: Log

    /// Reads and checks everything; throws all complaints at once.
    static func load(
        flags: [String] = [],
        environment: [String: String],
        file: String? = nil
    ) async throws(ConfigurationError) -> NodeConfiguration {
        let sources = await SettingSources.gather(
            flags: flags,
            environment: environment,
            file: file
        )
        var reader = SettingReader(sources)
        let configuration = NodeConfiguration(&reader)
        guard reader.complaints.isEmpty, let configuration else {
            throw ConfigurationError(complaints: reader.complaints)
        }
        return configuration
    }

    /// nil only after complaints.
    private init?(_ reader: inout SettingReader) {
        let s3 = Self.s3(&reader)
        let tls = Self.tls(&reader)
        let admin = Self.admin(&reader)
        let peer = Self.peer(&reader)
        let root = Self.root(&reader, isAlone: peer?.seeds.isEmpty ?? true)
        let users = Self.users(&reader)
        let buckets = Self.buckets(&reader)
        let coordinator = Self.coordinator(&reader)
        let diskReserve = reader.size("tuning.disk_reserve")
        let rowCache = reader.size("tuning.row_cache")
        let identity = Identity(
            name: reader.given("node.name") ?? ProcessInfo.processInfo.hostName,
            data: reader.text("node.data"),
            zone: reader.text("node.zone"),
            capacityBytes: reader.size("node.capacity")
        )
        for (key, text) in [("node.name", identity.name), ("node.zone", identity.zone)]
        where text.isEmpty || text.utf8.count > 255 {
            reader.complain("\(key) must have 1 to 255 bytes")
        }
        let level = reader.choice("log.level")
        let format = reader.choice("log.format")
        guard let s3, let admin, let peer, let level, let format else { return nil }
        self.node = identity
        self.s3 = s3
        self.tls = tls
        self.admin = admin
        self.peer = peer
        self.root = root
        self.users = users
        self.buckets = buckets
        self.coordinator = coordinator
        if let diskReserve { self.diskReserveBytes = diskReserve }
        if let rowCache { self.rowCacheBytes = Int(rowCache) }
        self.log = Log(level: level, format: format)
    }

    // MARK: Sections

    private static func s3(_ reader: inout SettingReader) -> S3? {
        let listen = reader.address("s3.listen")
        let connections = reader.count("s3.connections")
        let requests = reader.count("s3.requests")
        let copyLimit = reader.limit("s3.copy_limit")
        guard let listen, let connections, let requests, let copyLimit else { return nil }
        return S3(
            listen: listen,
            region: reader.text("s3.region"),
            domains: reader.list("s3.domains").map { $0.lowercased() },
            connectionsMax: connections,
            requestsMax: requests,
            copyBytesMax: copyLimit
        )
    }

    private static func tls(_ reader: inout SettingReader) -> TLS? {
        let reload = reader.duration("tls.reload")
        let (certificate, key) = (reader.given("tls.cert"), reader.given("tls.key"))
        guard (certificate == nil) == (key == nil) else {
            reader.complain("tls.cert and tls.key are needed both, or neither")
            return nil
        }
        guard let certificate, let key, let reload else { return nil }
        do throws(SecretFile.Refused) { _ = try SecretFile.wholeText(key) } catch {
            reader.complain("tls.key: \(error)")
        }
        return TLS(certificate: certificate, key: key, reload: reload)
    }

    private static func admin(_ reader: inout SettingReader) -> Admin? {
        let token = reader.secret("admin.token", file: "admin.token_file")
        return reader.address("admin.listen").map { Admin(listen: $0, token: token) }
    }

    private static func peer(_ reader: inout SettingReader) -> Peer? {
        let listen = reader.address("peer.listen")
        let given = reader.address("peer.advertise")
        let secret = reader.secret("peer.secret", file: "peer.secret_file")
        if let secret, secret.text.utf8.count < 16 {
            reader.complain("the cluster secret (peer.secret) must have at least 16 characters")
        }
        var seeds = Set<String>()
        for seed in reader.list("peer.seeds") {
            if let name = SocketName(seed), !name.isWildcard, name.port > 0 {
                seeds.insert(name.description)
            } else {
                reader.complain("peer.seeds: \"\(seed)\" is not valid (host:port)")
            }
        }
        guard let listen else { return nil }
        let isAlone = seeds.isEmpty
        if given == nil, listen.isWildcard, !isAlone {
            reader.complain(
                "peer.advertise is needed: other nodes cannot connect to \(listen)"
            )
        }
        let advertise =
            given ?? (listen.isWildcard ? SocketName(host: "127.0.0.1", port: listen.port) : listen)
        seeds.remove(advertise.description)
        if !isAlone, secret == nil {
            reader.complain("a cluster of several nodes needs peer.secret or peer.secret_file")
        }
        return Peer(
            listen: listen,
            advertise: advertise,
            seeds: seeds.sorted(),
            secret: secret
        )
    }

    private static func root(_ reader: inout SettingReader, isAlone: Bool) -> RootKey? {
        let secretKey = reader.secret("root.secret_key", file: "root.secret_key_file")
        let accessKey = reader.given("root.access_key")
        switch (accessKey, secretKey) {
        case (let accessKey?, let secretKey?):
            guard (3...128).contains(accessKey.utf8.count), secretKey.text.utf8.count >= 8 else {
                reader.complain(
                    "root.access_key needs 3 to 128 characters and root.secret_key at least 8"
                )
                return nil
            }
            return RootKey(accessKey: accessKey, secretKey: secretKey)
        case (_?, nil):
            if !reader.isGiven("root.secret_key_file") {
                reader.complain("root.access_key needs root.secret_key or root.secret_key_file")
            }
        case (nil, _?): reader.complain("root.secret_key needs root.access_key")
        case (nil, nil):
            // Each node would make its own, and refuse what another one gave out.
            if !isAlone {
                reader.complain(
                    "a cluster of several nodes needs root.access_key, the same on each"
                )
            }
        }
        return nil
    }

    private static func users(_ reader: inout SettingReader) -> UsersFile {
        guard let path = reader.given("users.file") else { return UsersFile() }
        do throws(SecretFile.Refused) {
            return try UsersFile(reading: path)
        } catch {
            reader.complain("users.file: \(error)")
            return UsersFile()
        }
    }

    private static func buckets(_ reader: inout SettingReader) -> [BucketName] {
        var buckets: [BucketName] = []
        for text in reader.list("buckets") {
            if let name = BucketName(text) {
                if !buckets.contains(name) { buckets.append(name) }
            } else {
                reader.complain(
                    "buckets: \"\(text)\" is no bucket name"
                        + " (3 to 63 small letters, digits, dots and hyphens)"
                )
            }
        }
        return buckets
    }

    private static func coordinator(_ reader: inout SettingReader) -> CoordinatorSettings {
        var settings = CoordinatorSettings()
        func set<Value>(_ value: Value?, _ path: WritableKeyPath<CoordinatorSettings, Value>) {
            if let value { settings[keyPath: path] = value }
        }
        set(reader.size("tuning.upload_memory").map { Int($0) }, \.uploadBytes)
        set(reader.count("tuning.parallel_chunks"), \.parallelChunks)
        set(reader.count("tuning.parallel_pulls"), \.parallelPulls)
        set(reader.duration("tuning.register_timeout"), \.registerTimeout)
        set(reader.duration("tuning.chunk_timeout"), \.chunkTimeout)
        set(reader.duration("tuning.change_deadline"), \.changeDeadline)
        set(reader.duration("tuning.release_grace"), \.releaseGrace)
        set(reader.duration("tuning.sweep_interval"), \.sweepInterval)
        set(reader.duration("tuning.audit_interval"), \.auditInterval)
        set(reader.count("tuning.audit_rows"), \.auditRows)
        set(reader.duration("tuning.audit_age"), \.auditAge)
        set(reader.duration("tuning.heal_interval"), \.healInterval)
        set(reader.duration("tuning.scrub_period"), \.chunkScrubPeriod)
        set(reader.duration("lifecycle.day"), \.lifecycleDay)
        return settings
    }
}
