import FoundationEssentials
import S3Protocol

extension BucketPolicy {
    /// Longest policy, in bytes.
    ///
    /// Source: S3 User Guide, "Bucket policies".
    static let bytesMax = 20 << 10

    /// Reads the policy of a bucket; every resource has to be the bucket or something in it.
    init(parsing bytes: [UInt8], bucket: String) throws(S3Error) {
        guard bytes.count <= Self.bytesMax else {
            throw Self.malformed("Policies must be at most \(Self.bytesMax) bytes.")
        }
        let document: Document
        do { document = try JSONDecoder().decode(Document.self, from: Data(bytes)) } catch {
            throw Self.malformed("This policy contains invalid Json")
        }
        if let version = document.version, !["2012-10-17", "2008-10-17"].contains(version) {
            throw Self.malformed("The policy must contain a valid version string")
        }
        guard !document.statements.isEmpty else {
            throw Self.malformed("Missing required field Statement")
        }
        self.statements = []
        for statement in document.statements {
            self.statements.append(try Statement(statement, bucket: bucket))
        }
    }

    fileprivate static func malformed(_ message: String) -> S3Error {
        S3Error(.malformedPolicy, message)
    }
}

extension BucketPolicy.Statement {
    fileprivate init(_ statement: Document.Statement, bucket: String) throws(S3Error) {
        switch statement.effect {
        case "Allow": self.isAllowing = true
        case "Deny": self.isAllowing = false
        default: throw BucketPolicy.malformed("Invalid effect: \(statement.effect)")
        }
        switch (statement.principal, statement.notPrincipal) {
        case (let names?, nil): self.principals = .init(names: names.all, isNegated: false)
        case (nil, let names?): self.principals = .init(names: names.all, isNegated: true)
        default: throw BucketPolicy.malformed("Missing required field Principal")
        }
        guard !self.principals.names.isEmpty else {
            throw BucketPolicy.malformed("Invalid principal in policy")
        }
        self.actions = try .init(
            statement.action,
            statement.notAction,
            missing: "Missing required field Action"
        )
        guard self.actions.patterns.allSatisfy({ $0.text == "*" || $0.text.hasPrefix("s3:") })
        else { throw BucketPolicy.malformed("Policy has invalid action") }
        self.resources = try .init(
            statement.resource,
            statement.notResource,
            missing: "Missing required field Resource"
        )
        let own = "arn:aws:s3:::\(bucket)"
        guard
            self.resources.patterns.allSatisfy({ pattern in
                pattern.text == "*" || pattern.text == own || pattern.text.hasPrefix("\(own)/")
                    || Self.mayMean(pattern.text, own)
            })
        else { throw BucketPolicy.malformed("Policy has invalid resource") }
        self.conditions = []
        for (name, keys) in (statement.condition ?? [:]).sorted(by: { $0.key < $1.key }) {
            for (key, values) in keys.sorted(by: { $0.key < $1.key }) {
                self.conditions.append(try PolicyCondition(name, key, values.all))
            }
        }
    }

    /// Whether a pattern with a star in the name of the bucket fits the bucket.
    private static func mayMean(_ pattern: String, _ own: String) -> Bool {
        let name = pattern.prefix { $0 != "/" }
        return name.contains("*") && Wildcard(String(name)).matches(own)
    }
}

extension BucketPolicy.PatternSet {
    fileprivate init(_ some: Texts?, _ none: Texts?, missing: String) throws(S3Error) {
        switch (some, none) {
        case (let texts?, nil):
            self.isNegated = false
            self.patterns = texts.all.map(Wildcard.init)
        case (nil, let texts?):
            self.isNegated = true
            self.patterns = texts.all.map(Wildcard.init)
        default: throw BucketPolicy.malformed(missing)
        }
        guard !self.patterns.isEmpty else { throw BucketPolicy.malformed(missing) }
    }
}

extension PolicyCondition {
    private static let keys: Set<String> = [
        "aws:currenttime", "aws:epochtime", "aws:principalarn", "aws:principaltype",
        "aws:referer", "aws:securetransport", "aws:sourceaccount", "aws:sourcearn",
        "aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:useragent", "aws:userid",
        "aws:username", "s3:authtype", "s3:delimiter", "s3:locationconstraint", "s3:max-keys",
        "s3:object-lock-mode", "s3:prefix", "s3:requestobjecttagkeys", "s3:signatureage",
        "s3:signatureversion", "s3:versionid", "s3:x-amz-acl", "s3:x-amz-content-sha256",
        "s3:x-amz-copy-source", "s3:x-amz-grant-full-control", "s3:x-amz-grant-read",
        "s3:x-amz-grant-read-acp", "s3:x-amz-grant-write", "s3:x-amz-grant-write-acp",
        "s3:x-amz-metadata-directive", "s3:x-amz-server-side-encryption",
        "s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:x-amz-storage-class",
        "s3:x-amz-website-redirect-location",
    ]

    fileprivate init(_ name: String, _ key: String, _ values: [String]) throws(S3Error) {
        var rest = name[...]
        func drop(prefix: String) -> Bool {
            guard rest.hasPrefix(prefix) else { return false }
            rest = rest.dropFirst(prefix.count)
            return true
        }
        var quantifier = Quantifier.one
        if drop(prefix: "ForAllValues:") { quantifier = .all }
        if drop(prefix: "ForAnyValue:") { quantifier = .any }
        let ifExists = rest.hasSuffix("IfExists")
        if ifExists { rest = rest.dropLast("IfExists".count) }
        guard let comparison = Comparison(rawValue: String(rest)), !values.isEmpty else {
            throw BucketPolicy.malformed("Invalid Condition type : \(name)")
        }
        let lower = key.lowercased()
        guard
            Self.keys.contains(lower) || lower.hasPrefix(PolicyContext.existingTag)
                || lower.hasPrefix(PolicyContext.requestTag)
        else { throw BucketPolicy.malformed("Policy has an invalid condition key") }
        if comparison == .ipAddress || comparison == .notIpAddress {
            guard values.allSatisfy({ AddressRange($0) != nil }) else {
                throw BucketPolicy.malformed("Invalid IP address in Conditions")
            }
        }
        self.init(
            comparison: comparison,
            quantifier: quantifier,
            ifExists: ifExists,
            key: lower,
            values: values
        )
    }
}

// MARK: - The document

/// A text, or a list of them; numbers and truth values are texts, too.
private struct Texts: Decodable {
    let all: [String]

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(Scalar.self) {
            self.all = [text.text]
        } else {
            self.all = try container.decode([Scalar].self).map(\.text)
        }
    }
}

private struct Scalar: Decodable {
    let text: String

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            self.text = text
        } else if let flag = try? container.decode(Bool.self) {
            self.text = flag ? "true" : "false"
        } else if let number = try? container.decode(Int64.self) {
            self.text = String(number)
        } else {
            self.text = String(try container.decode(Double.self))
        }
    }
}

/// `"*"`, or names by their kind: `{"AWS": [...], "CanonicalUser": "..."}`.
private struct Names: Decodable {
    let all: [String]

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            guard text == "*" else {
                throw DecodingError.dataCorruptedError(
                    in: container,
                    debugDescription: "a name without a kind"
                )
            }
            self.all = ["*"]
        } else {
            let kinds = try container.decode([String: Texts].self)
            // Services and federated users there are none.
            self.all = ["AWS", "CanonicalUser"].flatMap { kinds[$0]?.all ?? [] }
        }
    }
}

private struct Document: Decodable {
    struct Statement: Decodable {
        enum CodingKeys: String, CodingKey {
            case effect = "Effect"
            case principal = "Principal"
            case notPrincipal = "NotPrincipal"
            case action = "Action"
            case notAction = "NotAction"
            case resource = "Resource"
            case notResource = "NotResource"
            case condition = "Condition"
        }

        let effect: String
        let principal: Names?
        let notPrincipal: Names?
        let action: Texts?
        let notAction: Texts?
        let resource: Texts?
        let notResource: Texts?
        let condition: [String: [String: Texts]]?
    }

    enum CodingKeys: String, CodingKey {
        case version = "Version"
        case statement = "Statement"
    }

    let version: String?
    let statements: [Statement]

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.version = try container.decodeIfPresent(String.self, forKey: .version)
        if let one = try? container.decode(Statement.self, forKey: .statement) {
            self.statements = [one]
        } else {
            self.statements = try container.decode([Statement].self, forKey: .statement)
        }
    }
}
