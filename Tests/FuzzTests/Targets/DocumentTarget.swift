import S3Protocol
import StoreModel

@testable import S3Gateway

/// Documents in the bodies of requests: XML, by the name of their root, and policies in JSON.
///
/// * What was read, written and read again, is the same, whatever characters are in it.
/// * Lists keep their bounds.
/// * A grant that was made and revoked leaves the policy with the users it had.
enum DocumentTarget {
    private static let bucket = "photos"

    static func check(_ bytes: [UInt8]) throws {
        if bytes.first == 0x7B {
            try Self.checkPolicy(bytes)
        } else if let root = try? XMLNode(parsing: bytes) {
            try Self.checkXML(root)
            try Self.checkDocument(root.name, bytes)
        }
    }

    // MARK: XML

    private static func checkXML(_ root: XMLNode) throws {
        var writer = XMLWriter()
        Self.write(root, into: &writer)
        let again = try XMLNode(parsing: writer.bytes)
        try demand(
            again == root,
            "another document: \(String(decoding: writer.bytes, as: UTF8.self))"
        )
    }

    private static func write(_ node: XMLNode, into writer: inout XMLWriter) {
        guard !node.children.isEmpty else { return writer.element(node.name, node.text) }
        writer.element(node.name) { writer in
            for child in node.children { Self.write(child, into: &writer) }
        }
    }

    private static func checkDocument(_ root: String, _ bytes: [UInt8]) throws {
        switch root {
        case "Delete":
            guard let list = try? DeleteList(parsing: bytes) else { return }
            try demand((1...DeleteList.keysMax).contains(list.entries.count), "too many keys")
            try demand(list.entries.allSatisfy { !$0.key.isEmpty }, "an empty key")
        case "CompleteMultipartUpload":
            guard let parts = try? CompletedParts(parsing: bytes).parts else { return }
            try demand((1...Limit.parts).contains(parts.count), "too many parts")
        case "Tagging":
            try Self.checkAgain(
                bytes,
                read: { try TagSet.read(document: $0, max: TagSet.bucketTagsMax) },
                write: TagSet.document
            )
        case "CORSConfiguration":
            try Self.checkAgain(bytes, read: CORSRules.init(parsing:), write: \.document)
        case "LifecycleConfiguration":
            try Self.checkLifecycle(bytes)
        case "PublicAccessBlockConfiguration":
            try Self.checkAgain(bytes, read: PublicAccessBlock.init(parsing:), write: \.document)
        case "OwnershipControls":
            try Self.checkAgain(bytes, read: ObjectOwnership.init(parsing:), write: \.document)
        case "VersioningConfiguration":
            guard let versioning = try? Versioning(configuration: bytes) else { return }
            try demand(versioning != .never, "versioning that never was")
        default: break
        }
    }

    private static func checkAgain<Document: Equatable>(
        _ bytes: [UInt8],
        read: ([UInt8]) throws -> Document,
        write: (Document) -> [UInt8]
    ) throws {
        guard let document = try? read(bytes) else { return }
        let written = write(document)
        let again = try read(written)
        try demand(again == document, "another document: \(document), \(again)")
        try demand(write(again) == written, "written in two ways: \(document)")
    }

    private static func checkLifecycle(_ bytes: [UInt8]) throws {
        guard let rules = try? LifecycleDocument.read(bytes, []) else { return }
        let again = try LifecycleDocument.read(LifecycleDocument.document(rules), [])
        try demand(again == rules, "other rules: \(rules), \(again)")
        try demand(try LifecycleRules(decoding: rules.encoded) == rules, "not stored: \(rules)")
    }

    // MARK: JSON

    private static func checkPolicy(_ bytes: [UInt8]) throws {
        guard let policy = try? BucketPolicy(parsing: bytes, bucket: Self.bucket) else { return }
        let user = BucketPolicy.Principal(canonicalID: "fuzz", name: "fuzz", account: "1")
        var context = PolicyContext()
        context["aws:SourceIp"] = ["192.0.2.7"]
        context["s3:prefix"] = ["a/b"]
        for principal in [nil, user] {
            for action in ["s3:GetObject", "s3:PutObject", "s3:ListBucket"] {
                _ = policy.decision(
                    on: BucketPolicy.Question(
                        principal: principal,
                        action: action,
                        resource: "arn:aws:s3:::\(Self.bucket)/a",
                        context: context
                    )
                )
            }
        }
        _ = (policy.isPublic, policy.asksForObjectTags)
        try Self.checkGrants(bytes)
    }

    private static func checkGrants(_ bytes: [UInt8]) throws {
        guard let bucket = BucketName(Self.bucket),
            let grants = try? BucketGrants(policy: bytes, of: bucket),
            (try? grants.policy(of: bucket)) != nil
        else { return }
        var changed = grants
        guard (try? changed.grant([.read, .write], to: "fuzz")) != nil,
            let policy = try? changed.policy(of: bucket)
        else { return }
        var stored = try BucketGrants(policy: policy, of: bucket)
        try demand(
            Set(stored.permissions(of: "fuzz")).isSuperset(of: [.read, .write]),
            "a grant that does not hold"
        )
        try stored.revoke([.read, .write, .owner], of: "fuzz")
        try demand(stored.permissions(of: "fuzz") == [], "a grant that was not revoked")
        try demand(
            stored.users == grants.users.filter { $0 != "fuzz" },
            "other users: \(grants.users), \(stored.users)"
        )
    }
}
