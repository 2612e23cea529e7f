import HummingbirdCore
package import Logging
package import NIOCore
package import NIOSSL
import Runtime
import ServiceLifecycle

/// The S3 port: accepts connections until it is told to stop, then lets requests in flight end.
package struct S3Server: Service {
    package struct Settings: Sendable {
        package var host: String
        /// 0 takes any free port.
        package var port: Int
        /// With it nobody is served in the clear.
        package var tls: TLSConfiguration?

        package init(host: String, port: Int, tls: TLSConfiguration? = nil) {
            self.host = host
            self.port = port
            self.tls = tls
        }
    }

    private let settings: Settings
    private let service: S3Service
    private let group: any EventLoopGroup
    private let logger: Logger
    private let listening: @Sendable (_ port: Int) async -> Void

    /// `listening` is told the port once connections are accepted.
    package init(
        settings: Settings,
        service: S3Service,
        group: any EventLoopGroup,
        logger: Logger,
        listening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) {
        self.settings = settings
        self.service = service
        self.group = group
        self.logger = logger
        self.listening = listening
    }

    package func run() async throws {
        let limits = self.service.settings.limits
        let tls = try self.settings.tls.map { try NIOSSLContext(configuration: $0) }
        let server = Server(
            childChannelSetup: HTTPChannel(limits: limits, responder: self.service, tls: tls),
            configuration: ServerConfiguration(
                address: .hostname(self.settings.host, port: self.settings.port),
                serverName: nil,
                availableConnectionsDelegate: MaximumAvailableConnections(limits.connectionsMax)
            ),
            onServerRunning: { [listening] channel in
                await listening(channel.localAddress?.port ?? 0)
            },
            eventLoopGroup: self.group,
            logger: self.logger
        )
        let time = self.service.doors.time
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            group.addTask {
                // Cancellation ends the wait, too.
                try? await gracefulShutdown()
                await time.sleep(for: limits.stopTimeout)
            }
            // Either all requests have ended, or the time for them has.
            try await group.next()
            group.cancelAll()
        }
    }
}
