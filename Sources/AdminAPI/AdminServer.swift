import Hummingbird
package import Logging
import NIOCore
import ServiceLifecycle

/// Answers on the admin port: health, metrics, and what the node knows of the cluster.
package struct AdminServer: Service {
    package struct Settings: Sendable {
        package var host: String
        /// 0 takes any free port.
        package var port: Int
        /// What clients from other machines must know; nil keeps them out.
        package var token: AdminToken?

        package init(host: String, port: Int, token: String? = nil) {
            self.host = host
            self.port = port
            self.token = token.map(AdminToken.init)
        }
    }

    private let settings: Settings
    private let source: any AdminSource
    private let access: (any AccessAdmin)?
    private let registry: MetricsRegistry
    private let logger: Logger
    private let listening: @Sendable (_ port: Int) async -> Void

    /// `listening` is told the port once connections are accepted; without `access` there are no
    /// routes for keys and buckets.
    package init(
        settings: Settings,
        source: any AdminSource,
        access: (any AccessAdmin)? = nil,
        registry: MetricsRegistry,
        logger: Logger,
        listening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) {
        self.settings = settings
        self.source = source
        self.access = access
        self.registry = registry
        self.logger = logger
        self.listening = listening
    }

    /// Returns once shutdown has begun and the requests in progress are answered.
    package func run() async throws {
        let listening = self.listening
        let application = Application(
            router: self.router(),
            configuration: ApplicationConfiguration(
                address: .hostname(self.settings.host, port: self.settings.port),
                serverName: nil
            ),
            onServerRunning: { await listening($0.localAddress?.port ?? 0) },
            logger: self.logger
        )
        try await application.run()
    }

    private var hasToken: Bool { self.settings.token?.text.isEmpty == false }

    private func router() -> Router<AdminContext> {
        let router = Router(context: AdminContext.self)
        let (source, registry) = (self.source, self.registry)
        router.get("/health/live") { _, _ in "alive\n" }
        router.get("/health/ready") { _, _ -> EditedResponse<String> in
            switch await source.readiness() {
            case .ready: EditedResponse(response: "ready\n")
            case .notReady(let reason):
                EditedResponse(status: .serviceUnavailable, response: "not ready: \(reason)\n")
            }
        }
        let guarded = router.group().add(middleware: AdminAccess(token: self.settings.token))
        guarded.get("/metrics") { _, _ -> Response in
            await source.refreshMetrics()
            return Response(
                status: .ok,
                headers: [.contentType: PrometheusText.contentType],
                body: .init(byteBuffer: ByteBuffer(string: registry.text()))
            )
        }
        guarded.get("/v1/cluster") { _, _ in
            ClusterBody(await source.cluster(), await source.readiness())
        }
        guarded.get("/v1/nodes") { _, _ in NodesBody(nodes: await source.cluster().nodes) }
        self.addRing(to: guarded)
        self.addCopies(to: guarded)
        self.addRepairs(to: guarded)
        if let access = self.access {
            let entry = AdminAccess(token: self.settings.token, admitsLocal: !self.hasToken)
            self.addAccess(access, to: router.group().add(middleware: entry))
        }
        return router
    }

    /// The layout: `GET` says what it is, `POST` changes it.
    private func addRing(to routes: RouterGroup<AdminContext>) {
        let source = self.source
        routes.get("/v1/ring") { _, _ in await source.ring() }
        routes.post("/v1/ring/change") { request, context -> EditedResponse<RingReport> in
            let change = try await request.decode(as: RingChange.self, context: context)
            let outcome = try await source.change(change)
            return EditedResponse(
                status: outcome.isDone ? .ok : .accepted,
                response: outcome.report
            )
        }
    }

    /// The node's copies: all of them, and each by its id, or the first digits of it.
    private func addCopies(to routes: RouterGroup<AdminContext>) {
        let source = self.source
        routes.get("/v1/copies") { _, _ in await source.copies() }
        routes.get("/v1/copies/:id") { _, context -> CopiesReport.Copy in
            let id = try context.parameters.require("id")
            let found = await source.copies().copies(id)
            guard found.count == 1 else {
                throw HTTPError(
                    .notFound,
                    message: found.isEmpty ? "no such copy here" : "several copies are \(id)..."
                )
            }
            return found[0]
        }
    }

    /// Healing: `GET` says how it stands, `POST` asks for a round or a pass.
    private func addRepairs(to routes: RouterGroup<AdminContext>) {
        let source = self.source
        routes.get("/v1/repairs") { _, _ in await source.healing() }
        routes.get("/v1/repairs/repair") { _, _ in await source.healing().repair }
        routes.get("/v1/repairs/scrub") { _, _ in await source.healing().scrub }
        for work in HealingWork.allCases {
            routes.post("/v1/repairs/\(work.rawValue)") { _, _ -> EditedResponse<HealingReport> in
                await source.start(work)
                return EditedResponse(status: .accepted, response: await source.healing())
            }
        }
    }
}
