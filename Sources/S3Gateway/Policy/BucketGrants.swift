import FoundationEssentials
import S3Protocol
package import StoreModel

/// What an administrator lets users do with a bucket: statements of the bucket's own policy.
///
/// There is one statement for each permission, known by its `Sid`, with the canonical ids of all
/// who have it. The rest of the policy stays as it is. So nobody has a permission that the bucket's
/// owner cannot see and take away, and no second rule decides about requests. Source:
/// docs/operations/users.md, "What a grant is".
package struct BucketGrants: Sendable {
    package enum Permission: String, CaseIterable, Hashable, Sendable, Codable {
        /// List the bucket, and read objects with their versions, tags and attributes.
        case read
        /// Write and delete objects, and make multipart uploads.
        case write
        /// Everything, as the bucket's owner.
        case owner
    }

    /// Why grants cannot be changed.
    package enum Refusal: Error, Hashable, Sendable {
        /// The policy cannot be read.
        case unreadable
        /// A statement has the name of ours, and says something else.
        case foreign(sid: String)
        /// The policy would be longer than one may be.
        case tooLong
    }

    private let resources: JSONValue
    /// The policy but for its statements.
    private var frame: [String: JSONValue]
    private var statements: [JSONValue]

    /// - Throws: `unreadable`.
    package init(policy: [UInt8]?, of bucket: BucketName) throws(Refusal) {
        let own = "arn:aws:s3:::\(bucket)"
        self.resources = .list([.text(own), .text("\(own)/*")])
        guard let policy else {
            self.frame = ["Version": .text("2012-10-17")]
            self.statements = []
            return
        }
        guard
            case .object(var frame)? = try? JSONDecoder()
                .decode(JSONValue.self, from: Data(policy))
        else { throw .unreadable }
        switch frame.removeValue(forKey: "Statement") {
        case .list(let statements)?: self.statements = statements
        case .object(let statement)?: self.statements = [.object(statement)]
        default: throw .unreadable
        }
        self.frame = frame
    }

    /// The policy with the grants; nil if nothing is left of it.
    ///
    /// - Throws: `tooLong`, and `unreadable` if it would not be taken from a client.
    package func policy(of bucket: BucketName) throws(Refusal) -> [UInt8]? {
        guard !self.statements.isEmpty else { return nil }
        var frame = self.frame
        frame["Statement"] = .list(self.statements)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(JSONValue.object(frame)) else { throw .unreadable }
        guard data.count <= BucketPolicy.bytesMax else { throw .tooLong }
        do throws(S3Error) {
            _ = try BucketPolicy(parsing: Array(data), bucket: bucket.text)
        } catch { throw .unreadable }
        return Array(data)
    }

    /// What a user has been granted.
    package func permissions(of user: String) -> [Permission] {
        Permission.allCases.filter { permission in
            guard let place = self.place(of: permission) else { return false }
            return self.users(of: permission, at: place)?.contains(user) == true
        }
    }

    /// Canonical ids of all who have been granted something, in order.
    package var users: [String] {
        let all = Permission.allCases.compactMap { permission in
            self.place(of: permission).flatMap { self.users(of: permission, at: $0) }
        }
        return Set(all.joined()).sorted()
    }

    /// - Throws: `foreign`.
    package mutating func grant(
        _ permissions: [Permission],
        to user: String
    ) throws(Refusal) {
        try self.change(permissions) { $0.insert(user) }
    }

    /// - Throws: `foreign`.
    package mutating func revoke(
        _ permissions: [Permission],
        of user: String
    ) throws(Refusal) {
        try self.change(permissions) { $0.remove(user) }
    }

    private mutating func change(
        _ permissions: [Permission],
        _ change: (inout Set<String>) -> Void
    ) throws(Refusal) {
        for permission in permissions {
            let place = self.place(of: permission)
            var users: Set<String> = []
            if let place {
                guard let known = self.users(of: permission, at: place) else {
                    throw .foreign(sid: permission.sid)
                }
                users = Set(known)
            }
            change(&users)
            let statement = self.statement(permission, users.sorted())
            switch (place, users.isEmpty) {
            case (let place?, true): self.statements.remove(at: place)
            case (let place?, false): self.statements[place] = statement
            case (nil, true): break
            case (nil, false): self.statements.append(statement)
            }
        }
    }

    private func place(of permission: Permission) -> Int? {
        self.statements.firstIndex { statement in
            guard case .object(let elements) = statement else { return false }
            return elements["Sid"] == .text(permission.sid)
        }
    }

    /// The users of a statement; nil if it is not as this type makes it.
    private func users(of permission: Permission, at place: Int) -> [String]? {
        guard case .object(let elements) = self.statements[place],
            case .object(let principal)? = elements["Principal"],
            case .list(let ids)? = principal["CanonicalUser"]
        else { return nil }
        let users = ids.compactMap { id in if case .text(let text) = id { text } else { nil } }
        guard self.statement(permission, users) == self.statements[place] else { return nil }
        return users
    }

    private func statement(_ permission: Permission, _ users: [String]) -> JSONValue {
        .object([
            "Sid": .text(permission.sid),
            "Effect": .text("Allow"),
            "Principal": .object(["CanonicalUser": .list(users.map(JSONValue.text))]),
            "Action": .list(permission.actions.map { .text("s3:\($0)") }),
            "Resource": self.resources,
        ])
    }
}

extension BucketGrants.Permission {
    fileprivate var sid: String {
        switch self {
        case .read: "TrioletRead"
        case .write: "TrioletWrite"
        case .owner: "TrioletOwner"
        }
    }

    /// What policies call the operations that the permission is for.
    fileprivate var actions: [String] {
        switch self {
        case .read:
            [
                "GetBucketLocation", "ListBucket", "ListBucketVersions",
                "ListBucketMultipartUploads", "GetObject", "GetObjectVersion",
                "GetObjectAttributes", "GetObjectVersionAttributes", "GetObjectTagging",
                "GetObjectVersionTagging",
            ]
        case .write:
            [
                "PutObject", "DeleteObject", "PutObjectTagging", "DeleteObjectTagging",
                "AbortMultipartUpload", "ListMultipartUploadParts",
            ]
        case .owner: ["*"]
        }
    }
}
