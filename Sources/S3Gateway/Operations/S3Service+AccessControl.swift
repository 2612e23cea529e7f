import Coordinator
import NIOHTTP1
import S3Protocol
import StoreModel

extension S3Service {
    private static let instance = "http://www.w3.org/2001/XMLSchema-instance"
    /// Longest document about access: 100 grants.
    private static let bytesMax = 64 << 10

    func accessControl(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let list: AccessList
        if request.addressed.key == nil {
            list = try await self.bucket(request).settings.access
        } else {
            let summary = try await self.openedObject(request, .readAccess).summary
            list = request.pass.list(of: summary)
        }
        return .xml(Self.document(list, await self.credentials.users()))
    }

    func setAccessControl(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let headers = try AccessHeaders.read(request.headers)
        let body = try await request.wholeBody(bytesMax: Self.bytesMax)
        let settings = try await self.bucket(request).settings
        let ownership = ObjectOwnership(of: settings)
        if ownership == .enforced {
            guard !body.isEmpty || headers != nil else { throw S3Error(.missingSecurityHeader) }
            throw S3Error(.accessControlListNotSupported)
        }
        var owner = settings.access.owner
        var opened: VersionID?
        if request.addressed.key != nil {
            let summary = try await self.openedObject(request, .writeAccess).summary
            owner = summary.access.owner
            opened = summary.version
        }
        let list: AccessList
        if body.isEmpty {
            guard let headers else { throw S3Error(.missingSecurityHeader) }
            list = try await self.list(
                headers,
                owner: owner,
                bucketOwner: settings.access.owner
            )
        } else {
            list = try await self.list(parsing: body, owner: owner)
        }
        try Self.check(list, PublicAccessBlock(of: settings))
        let version = try request.version()
        try await self.ask(request.subject) { [opened] () throws(ClusterError) in
            guard request.addressed.key == nil else {
                _ = try await self.store.edit(
                    request.object,
                    version,
                    .access(list),
                    ifStill: opened
                )
                return
            }
            try await self.store.set(.access(list), of: request.bucket)
        }
        return .empty(.ok)
    }

    /// The object of a request, if the sender may do this with it.
    func openedObject(
        _ request: S3Request,
        _ permission: Permission
    ) async throws(S3Error) -> any OpenObject {
        let version = try request.version()
        do throws(S3Error) {
            let object = try await self.ask(request.subject) { () throws(ClusterError) in
                try await self.store.open(request.object, version: version)
            }
            try request.pass.check(permission, on: object.summary)
            return object
        } catch { throw request.pass.veiled(error) }
    }

    private func list(
        parsing body: [UInt8],
        owner: String
    ) async throws(S3Error) -> AccessList {
        let policy = try XMLNode(parsing: body)
        guard policy.name == "AccessControlPolicy",
            let list = policy.children.first(where: { $0.name == "AccessControlList" })
        else { throw S3Error(.malformedACLError) }
        if let named = policy.children.first(where: { $0.name == "Owner" })?["ID"] {
            guard named == (await self.credentials.users()).owner(owner).id else {
                throw S3Error(.accessDenied)
            }
        }
        var named: [AccessHeaders.Named] = []
        for grant in list.children {
            guard grant.name == "Grant",
                let grantee = grant.children.first(where: { $0.name == "Grantee" }),
                let permission = grant["Permission"].flatMap(Permission.init(name:))
            else { throw S3Error(.malformedACLError) }
            let name: AccessHeaders.Named.Name
            if let id = grantee["ID"] {
                name = .id(id)
            } else if let uri = grantee["URI"] {
                name = .group(uri)
            } else if let email = grantee["EmailAddress"] {
                name = .email(email)
            } else {
                throw S3Error(.malformedACLError)
            }
            named.append(AccessHeaders.Named(name: name, permission: permission))
        }
        return try await self.list(named, owner: owner)
    }

    private static func document(_ list: AccessList, _ users: UserDirectory) -> [UInt8] {
        var grants = list.grants
        // Last, as Ceph shows it; S3 promises no order.
        if !list.isOwnerLimited { grants.append(Grant(.user(list.owner), .fullControl)) }
        return XMLWriter.document("AccessControlPolicy") { writer in
            writer.owner(users.owner(list.owner))
            writer.element("AccessControlList") { writer in
                for grant in grants {
                    writer.element("Grant") { writer in
                        Self.write(grant.grantee, users, into: &writer)
                        writer.element("Permission", grant.permission.name)
                    }
                }
            }
        }
    }

    private static func write(
        _ grantee: Grantee,
        _ users: UserDirectory,
        into writer: inout XMLWriter
    ) {
        let isUser = if case .user = grantee { true } else { false }
        writer.element(
            "Grantee",
            attributes: [
                ("xmlns:xsi", Self.instance), ("xsi:type", isUser ? "CanonicalUser" : "Group"),
            ]
        ) { writer in
            switch grantee {
            case .user(let id):
                let owner = users.owner(id)
                writer.element("ID", owner.id)
                writer.element("DisplayName", owner.displayName)
            case .everybody: writer.element("URI", GranteeGroup.everybody)
            case .authenticated: writer.element("URI", GranteeGroup.authenticated)
            }
        }
    }
}

extension Permission {
    private static let names: [Permission: String] = [
        .read: "READ", .write: "WRITE", .readAccess: "READ_ACP", .writeAccess: "WRITE_ACP",
        .fullControl: "FULL_CONTROL",
    ]

    /// As documents have it.
    var name: String { Self.names[self] ?? "" }

    init?(name: String) {
        guard let found = Self.names.first(where: { $0.value == name }) else { return nil }
        self = found.key
    }
}
