import S3Protocol
import StoreModel

/// What keeps a bucket from being opened to everybody by mistake.
///
/// Source: S3 User Guide, "Blocking public access to your Amazon S3 storage".
struct PublicAccessBlock: Hashable, Sendable {
    var blocksPublicAcls = false
    var ignoresPublicAcls = false
    var blocksPublicPolicy = false
    var restrictsPublicBuckets = false

    init() {}

    /// That of a bucket; nothing is blocked where nobody has set it.
    init(of settings: BucketSettings) {
        // It was checked when it was set.
        self =
            settings[.publicAccessBlock].flatMap { try? PublicAccessBlock(parsing: $0) } ?? .init()
    }

    init(parsing document: [UInt8]) throws(S3Error) {
        let root = try XMLNode(parsing: document)
        guard root.name == "PublicAccessBlockConfiguration" else { throw S3Error(.malformedXML) }
        for node in root.children {
            let flag: Bool
            switch node.text.lowercased() {
            case "true": flag = true
            case "false": flag = false
            default: throw S3Error(.malformedXML)
            }
            switch node.name {
            case "BlockPublicAcls": self.blocksPublicAcls = flag
            case "IgnorePublicAcls": self.ignoresPublicAcls = flag
            case "BlockPublicPolicy": self.blocksPublicPolicy = flag
            case "RestrictPublicBuckets": self.restrictsPublicBuckets = flag
            default: throw S3Error(.malformedXML)
            }
        }
    }

    var document: [UInt8] {
        XMLWriter.document("PublicAccessBlockConfiguration") { writer in
            writer.element("BlockPublicAcls", String(self.blocksPublicAcls))
            writer.element("IgnorePublicAcls", String(self.ignoresPublicAcls))
            writer.element("BlockPublicPolicy", String(self.blocksPublicPolicy))
            writer.element("RestrictPublicBuckets", String(self.restrictsPublicBuckets))
        }
    }
}

/// To whom objects belong that others put into a bucket.
///
/// Source: S3 User Guide, "Controlling ownership of objects and disabling ACLs".
enum ObjectOwnership: String, Hashable, Sendable {
    /// The bucket's owner; lists say nothing.
    case enforced = "BucketOwnerEnforced"
    /// The bucket's owner, if the writer gives it full control.
    case preferred = "BucketOwnerPreferred"
    /// The writer, as in buckets where nobody has set it.
    case writer = "ObjectWriter"

    init(parsing document: [UInt8]) throws(S3Error) {
        let root = try XMLNode(parsing: document)
        guard root.name == "OwnershipControls", root.children.count == 1,
            let rule = root.children.first, rule.name == "Rule",
            let ownership = rule["ObjectOwnership"].flatMap(Self.init(rawValue:))
        else { throw S3Error(.malformedXML) }
        self = ownership
    }

    /// That of a bucket.
    init(of settings: BucketSettings) {
        let text = settings[.ownershipControls].map { String(decoding: $0, as: UTF8.self) }
        self = text.flatMap(Self.init(rawValue:)) ?? .writer
    }

    var document: [UInt8] {
        XMLWriter.document("OwnershipControls") { writer in
            writer.element("Rule") { $0.element("ObjectOwnership", self.rawValue) }
        }
    }
}
