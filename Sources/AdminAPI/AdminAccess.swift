import Hummingbird
import Logging
import NIOCore

/// A request to the admin port, and who sent it.
struct AdminContext: RequestContext, RemoteAddressRequestContext {
    var coreContext: CoreRequestContextStorage
    let remoteAddress: SocketAddress?

    init(source: ApplicationRequestContextSource) {
        self.coreContext = .init(source: source)
        self.remoteAddress = source.channel.remoteAddress
    }

    /// Whether the client runs on this machine.
    var isLocal: Bool {
        guard let address = self.remoteAddress?.ipAddress else { return false }
        return address.hasPrefix("127.") || address == "::1" || address.hasPrefix("::ffff:127.")
    }
}

/// Lets clients of this machine in, if they need no token, and others with the token.
struct AdminAccess: RouterMiddleware {
    /// Nil: nobody from outside gets in.
    let token: AdminToken?
    /// Whether whoever runs on this machine may do it.
    var admitsLocal = true

    func handle(
        _ request: Request,
        context: AdminContext,
        next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        guard
            Self.mayEnter(
                request.headers,
                isLocal: context.isLocal && self.admitsLocal,
                token: self.token?.text
            )
        else {
            throw HTTPError(
                .unauthorized,
                headers: [.wwwAuthenticate: "Bearer realm=\"triolet admin\""],
                message: self.token == nil
                    ? "No admin token is configured: only clients of this machine are let in."
                    : "This needs the header: Authorization: Bearer TOKEN"
            )
        }
        return try await next(request, context)
    }

    static func mayEnter(_ headers: HTTPFields, isLocal: Bool, token: String?) -> Bool {
        if isLocal { return true }
        guard let token, !token.isEmpty, let given = headers[.authorization] else { return false }
        return self.equal(given, "Bearer " + token)
    }

    /// Compares in a time that depends on the lengths alone.
    static func equal(_ left: String, _ right: String) -> Bool {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
