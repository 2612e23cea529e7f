import Hummingbird

/// Keys, grants and buckets.
extension AdminServer {
    func addAccess(_ access: any AccessAdmin, to routes: RouterGroup<AdminContext>) {
        let routes = routes.group().add(middleware: JSONBodies())
        Self.addKeys(access, to: routes)
        Self.addGrants(access, to: routes)
        Self.addBuckets(access, to: routes)
    }

    private static func addKeys(
        _ access: any AccessAdmin,
        to routes: RouterGroup<AdminContext>
    ) {
        routes.get("/v1/keys") { _, _ in try await access.keys() }
        routes.post("/v1/keys") { request, context -> EditedResponse<NewKey> in
            let wanted = try await request.decode(as: KeyRequest.self, context: context)
            return EditedResponse(
                status: .created,
                headers: [.cacheControl: "no-store"],
                response: try await access.createKey(wanted)
            )
        }
        routes.get("/v1/keys/:id") { _, context in
            let id = try context.parameters.require("id")
            return try await access.key(id)
        }
        routes.delete("/v1/keys/:id") { _, context in
            let id = try context.parameters.require("id")
            return try await access.deleteKey(id)
        }
    }

    private static func addGrants(
        _ access: any AccessAdmin,
        to routes: RouterGroup<AdminContext>
    ) {
        routes.put("/v1/keys/:id/grants/:bucket") { request, context in
            let permissions = try await request.decode(as: GrantPermissions.self, context: context)
            let change = try Self.change(permissions, gives: true, context)
            return try await access.change(change)
        }
        routes.delete("/v1/keys/:id/grants/:bucket") { request, context in
            let permissions = try Self.permissions(request.uri.queryParameters["permissions"])
            let change = try Self.change(permissions, gives: false, context)
            return try await access.change(change)
        }
    }

    private static func change(
        _ permissions: GrantPermissions,
        gives: Bool,
        _ context: AdminContext
    ) throws -> GrantChange {
        GrantChange(
            key: try context.parameters.require("id"),
            bucket: try context.parameters.require("bucket"),
            gives: gives,
            permissions: permissions
        )
    }

    /// Names with commas between them; all for nil.
    private static func permissions(_ text: Substring?) throws(HTTPError) -> GrantPermissions {
        guard let text else { return .all }
        var permissions = GrantPermissions()
        for name in text.split(separator: ",", omittingEmptySubsequences: false) {
            switch name {
            case "read": permissions.read = true
            case "write": permissions.write = true
            case "owner": permissions.owner = true
            default:
                throw HTTPError(.badRequest, message: "permissions are read, write and owner")
            }
        }
        return permissions
    }

    private static func addBuckets(
        _ access: any AccessAdmin,
        to routes: RouterGroup<AdminContext>
    ) {
        routes.get("/v1/buckets") { _, _ in
            try await access.buckets()
        }
        routes.post("/v1/buckets") { request, context -> EditedResponse<BucketReport> in
            let wanted = try await request.decode(as: BucketRequest.self, context: context)
            return EditedResponse(
                status: .created,
                response: try await access.createBucket(wanted)
            )
        }
        routes.get("/v1/buckets/:name") { _, context in
            let name = try context.parameters.require("name")
            return try await access.bucket(name)
        }
        routes.delete("/v1/buckets/:name") { _, context -> HTTPResponse.Status in
            let name = try context.parameters.require("name")
            try await access.deleteBucket(name)
            return .noContent
        }
    }
}

/// Takes no POST but with a body that says it is JSON.
///
/// A browser on this machine sends such a body across sites, or another method, only after it has
/// asked, and nobody answers it: so a page cannot make keys for its owner. Source: Fetch Standard,
/// "CORS protocol".
private struct JSONBodies: RouterMiddleware {
    func handle(
        _ request: Request,
        context: AdminContext,
        next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        guard request.method != .post || Self.isJSON(request.headers)
        else {
            throw HTTPError(
                .unsupportedMediaType,
                message: "This needs the header: Content-Type: application/json"
            )
        }
        return try await next(request, context)
    }

    private static func isJSON(_ headers: HTTPFields) -> Bool {
        let type = headers[.contentType]?.prefix { $0 != ";" && $0 != " " }
        return type?.lowercased() == "application/json"
    }
}
