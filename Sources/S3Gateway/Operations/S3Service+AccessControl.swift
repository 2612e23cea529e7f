import Coordinator
import NIOHTTP1
import S3Protocol
import StoreModel

extension S3Service {
    private static let instance = "http://www.w3.org/2001/XMLSchema-instance"

    /// The one list there is: the owner may do everything.
    func accessControl(_ request: S3Request) async throws(S3Error) -> S3Answer {
        try await self.checkSubject(request)
        let document = XMLWriter.document("AccessControlPolicy") { writer in
            writer.owner(request.owner)
            writer.element("AccessControlList") { writer in
                writer.element("Grant") { writer in
                    writer.element(
                        "Grantee",
                        attributes: [("xmlns:xsi", Self.instance), ("xsi:type", "CanonicalUser")]
                    ) { writer in
                        writer.element("ID", request.owner.id)
                        writer.element("DisplayName", request.owner.displayName)
                    }
                    writer.element("Permission", "FULL_CONTROL")
                }
            }
        }
        return .xml(document)
    }

    /// Takes the list that is in force anyway, and refuses any other.
    func setAccessControl(_ request: S3Request) async throws(S3Error) -> S3Answer {
        try RefusedHeaders.checkAccessControl(request.headers)
        let body = try await request.wholeBody(bytesMax: 64 << 10)
        try await self.checkSubject(request)
        if !body.isEmpty {
            let policy = try XMLNode(parsing: body)
            guard policy.name == "AccessControlPolicy" else { throw S3Error(.malformedXML) }
            let grants = policy.children.first { $0.name == "AccessControlList" }?.children ?? []
            for grant in grants {
                let grantee = grant.children.first { $0.name == "Grantee" }
                guard grantee?["ID"] == request.owner.id else {
                    throw S3Error(.accessControlListNotSupported)
                }
            }
        }
        return .empty(.ok)
    }

    /// An object's tags: there are none.
    func objectTagging(_ request: S3Request) async throws(S3Error) -> S3Answer {
        try await self.checkSubject(request)
        return .xml(XMLWriter.document("Tagging") { $0.element("TagSet") { _ in } })
    }

    /// Throws if the bucket or the object does not exist.
    private func checkSubject(_ request: S3Request) async throws(S3Error) {
        try request.checkVersion(request.target["versionId"])
        guard case .object(let bucket, let key) = request.addressed else {
            try await self.checkBucket(request)
            return
        }
        _ = try await self.ask(request.subject) { () throws(ClusterError) in
            try await self.store.open(ObjectName(bucket, key)).summary
        }
    }
}
