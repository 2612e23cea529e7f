import Coordinator
import Logging
import NIOPosix
import Platform
import Runtime
import S3Gateway
import S3Protocol
import ServiceLifecycle
import UnixSignals

/// The gateway over a store in memory that answers at once: what is left is the gateway's own.
enum MemoryGateway {
    /// Serves until the process is ended.
    static func serve(port: Int) async throws {
        let owner = Owner(id: "owner-id", displayName: "owner", isRoot: true)
        let secret = SecretKey("benchsecret")
        let doors = Doors.system(background: TaskBackground())
        let service = S3Service(
            store: MemoryStore(seconds: doors.time.wallMicroseconds / 1_000_000),
            credentials: FixedCredentials(
                root: owner,
                ["bench": Credential(secret: secret, owner: owner)],
                emails: [:]
            ),
            settings: S3Settings(),
            doors: doors,
            logger: Logger(label: "gateway") { _ in SwiftLogNoOpLogHandler() }
        )
        let server = S3Server(
            settings: S3Server.Settings(host: "127.0.0.1", port: port),
            service: service,
            group: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "server") { _ in SwiftLogNoOpLogHandler() },
            listening: { print("listening on port \($0); keys: bench, benchsecret") }
        )
        let services = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [server],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: Logger(label: "services") { _ in SwiftLogNoOpLogHandler() }
            )
        )
        try await services.run()
    }
}
