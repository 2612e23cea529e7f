import ChunkStore
import Coordinator
import MetadataStore
import S3Gateway
import StoreModel

extension Setting {
    /// All settings of a node, by section.
    static let all: [Setting] =
        identity + ports + tls + accounts + lifecycle + bounds + logs

    static let keys = Set(all.map(\.key))

    private static let identity = [
        Setting(
            "node.name",
            .text,
            "[the host's name]",
            "What people call the node; each node of a cluster needs its own."
        ),
        Setting(
            "node.data",
            .path,
            "/var/lib/triolet",
            "Directory of everything durable. One node per directory, on a local disk."
        ),
        Setting(
            "node.zone",
            .text,
            "default",
            "What fails together: a rack, a room. Replicas are kept in distinct zones if possible."
        ),
        Setting(
            "node.capacity",
            .size((64 << 20)...(1 << 60)),
            "[the size of the file system]",
            "The node's share of the data is in proportion to this."
        ),
    ]

    private static let ports = [
        Setting(
            "s3.listen",
            .address,
            "0.0.0.0:7330",
            "Where S3 clients connect. Every request must be signed, so all interfaces are fine."
        ),
        Setting(
            "s3.region",
            .text,
            "us-east-1",
            "The region that clients are told. Signatures for any region are accepted."
        ),
        Setting(
            "s3.domains",
            .list,
            "localhost",
            "Hosts in front of which a bucket may stand, as in photos.s3.example.com."
        ),
        Setting(
            "s3.connections",
            .count(1...100_000),
            "\(HTTPLimits().connectionsMax)",
            "Open connections of clients; more wait in the listen queue."
        ),
        Setting(
            "s3.requests",
            .count(1...100_000),
            "\(HTTPLimits().requestsMax)",
            "Requests answered at once, up to 4 MiB of memory each; more get 503 SlowDown."
        ),
        Setting(
            "s3.copy_limit",
            .limit(1...(1 << 50)),
            Amount.setting(bytes: S3Settings().copyBytesMax),
            "Largest source of one CopyObject. S3 has 5GiB; by reference, any size costs the same."
        ),
        Setting(
            "admin.listen",
            .address,
            "127.0.0.1:7331",
            "Health, metrics and reports. Keep it on the loopback unless something scrapes it."
        ),
        Setting(
            "admin.token",
            .secret,
            "[none]",
            "The bearer token of clients on other machines; without one they are refused."
        ),
        Setting(
            "admin.token_file",
            .path,
            "[none]",
            "File with the admin token in its first line."
        ),
        Setting(
            "peer.listen",
            .address,
            "0.0.0.0:7332",
            "Where other nodes connect. Nobody gets in without the cluster secret."
        ),
        Setting(
            "peer.advertise",
            .address,
            "[peer.listen]",
            "How other nodes reach peer.listen; needed if that is 0.0.0.0 and nodes are several."
        ),
        Setting(
            "peer.seeds",
            .list,
            "[this node alone]",
            "Peer addresses of all nodes. The cluster is formed once all of them are there."
        ),
        Setting(
            "peer.secret",
            .secret,
            "[generated for a node that is alone]",
            "The cluster secret, at least 16 characters, the same on every node."
        ),
        Setting(
            "peer.secret_file",
            .path,
            "[none]",
            "File with the cluster secret in its first line."
        ),
    ]

    private static let tls = [
        Setting(
            "tls.cert",
            .path,
            "[none: S3 in the clear]",
            "PEM file with the certificate of the S3 port, and those it was signed with."
        ),
        Setting(
            "tls.key",
            .path,
            "[none]",
            "PEM file with the private key of tls.cert, not readable by every user."
        ),
        Setting(
            "tls.reload",
            .duration(.seconds(1)...(.seconds(86_400))),
            "60s",
            "How often both files are read again; new connections have what was read last."
        ),
    ]

    private static let accounts = [
        Setting(
            "root.access_key",
            .text,
            "[generated once for a node that is alone]",
            "Access key id of the account that may do everything, the same on every node."
        ),
        Setting("root.secret_key", .secret, "[generated once]", "Its secret access key."),
        Setting(
            "root.secret_key_file",
            .path,
            "[none]",
            "File with the secret key in its first line."
        ),
        Setting(
            "users.file",
            .path,
            "[none]",
            "File with users besides the root user, and their keys; the same on every node."
        ),
        Setting(
            "buckets",
            .list,
            "[none]",
            "Buckets created at start if they are missing. S3_BUCKET is read as well."
        ),
    ]

    private static let lifecycle = [
        Setting(
            "lifecycle.day",
            .duration(.seconds(1)...(.seconds(86_400))),
            Amount.setting(CoordinatorSettings().lifecycleDay),
            "The day of lifecycle rules; shorter only for tests. The same on every node."
        )
    ]

    private static let bounds = [
        Setting(
            "tuning.upload_memory",
            .size((16 << 20)...(16 << 30)),
            Amount.setting(bytes: UInt64(CoordinatorSettings().uploadBytes)),
            "Content of all uploads in memory. More helps only many clients with slow nodes."
        ),
        Setting(
            "tuning.row_cache",
            .size((4 << 20)...(1 << 40)),
            Amount.setting(bytes: UInt64(RocksSettings().blockCacheBytes)),
            "Rows and their indexes in memory. More helps where many objects are read at random."
        ),
        Setting(
            "tuning.parallel_chunks",
            .count(1...16),
            "\(CoordinatorSettings().parallelChunks)",
            "Chunks of one request under way at once. More helps where the network is far."
        ),
        Setting(
            "tuning.parallel_pulls",
            .count(1...64),
            "\(CoordinatorSettings().parallelPulls)",
            "Chunks that one independent copy has pulled at once."
        ),
        Setting(
            "tuning.register_timeout",
            .duration(.milliseconds(50)...(.seconds(60))),
            Amount.setting(CoordinatorSettings().registerTimeout),
            "Longest wait for one replica's answer about metadata. Several times the slowest sync."
        ),
        Setting(
            "tuning.chunk_timeout",
            .duration(.milliseconds(500)...(.seconds(300))),
            Amount.setting(CoordinatorSettings().chunkTimeout),
            "Longest wait for one replica to store or send one chunk of 4 MiB."
        ),
        Setting(
            "tuning.change_deadline",
            .duration(.seconds(1)...(.seconds(300))),
            Amount.setting(CoordinatorSettings().changeDeadline),
            "After this a contended change gives up (503 SlowDown). Below the clients' time-out."
        ),
        Setting(
            "tuning.release_grace",
            .duration(.seconds(1)...(.seconds(86_400))),
            Amount.setting(CoordinatorSettings().releaseGrace),
            "Deleted content is kept this long for readers still at it: longer than a download."
        ),
        Setting(
            "tuning.sweep_interval",
            .duration(.seconds(1)...(.seconds(3_600))),
            Amount.setting(CoordinatorSettings().sweepInterval),
            "Pause between two rounds of deleting dead content."
        ),
        Setting(
            "tuning.audit_interval",
            .duration(.seconds(1)...(.seconds(86_400))),
            Amount.setting(CoordinatorSettings().auditInterval),
            "Pause between two pages of the search for what crashes have left."
        ),
        Setting(
            "tuning.audit_rows",
            .count(1...1_000),
            "\(CoordinatorSettings().auditRows)",
            "Manifests in one page of it: more find leftovers sooner, and cost more reads."
        ),
        Setting(
            "tuning.audit_age",
            .duration(.seconds(1)...(.seconds(2_592_000))),
            Amount.setting(CoordinatorSettings().auditAge),
            "What is younger is not looked at yet. Removes nothing by itself."
        ),
        Setting(
            "tuning.heal_interval",
            .duration(.seconds(10)...(.seconds(7 * 86_400))),
            Amount.setting(CoordinatorSettings().healInterval),
            "Pause between two searches for missing copies; one comes when a node is back, too."
        ),
        Setting(
            "tuning.scrub_period",
            .duration(.seconds(60)...(.seconds(365 * 86_400))),
            Amount.setting(CoordinatorSettings().chunkScrubPeriod),
            "Every node verifies all its chunks within this. Shorter costs reads all the time."
        ),
        Setting(
            "tuning.disk_reserve",
            .size((16 << 20)...(1 << 40)),
            Amount.setting(bytes: ChunkStoreSettings().reserveBytes),
            "Free space that content never takes: metadata and deletes need it. 503 before that."
        ),
    ]

    private static let logs = [
        Setting(
            "log.level",
            .choice(["trace", "debug", "info", "warning", "error", "critical"]),
            "info",
            "Least level that is logged."
        ),
        Setting(
            "log.format",
            .choice(["auto", "json", "console"]),
            "auto",
            "JSON lines for collectors, console for eyes; auto looks whether it is a terminal."
        ),
    ]
}
