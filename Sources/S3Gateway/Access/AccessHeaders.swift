import Coordinator
import S3Protocol
import StoreModel

/// The access list that a request gives to what it makes: a canned one, or grants one by one.
///
/// Source: S3 User Guide, "Access control list overview": "Canned ACL" and "Grants".
enum AccessHeaders: Hashable, Sendable {
    case canned(String)
    case grants([Named])

    /// A permission for somebody whom the client has named.
    struct Named: Hashable, Sendable {
        enum Name: Hashable, Sendable {
            case id(String)
            case email(String)
            case group(String)
        }

        let name: Name
        let permission: Permission
    }

    static let canned: Set<String> = [
        "private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read",
        "bucket-owner-read", "bucket-owner-full-control", "log-delivery-write",
    ]

    private static let permissions: [(header: String, permission: Permission)] = [
        ("x-amz-grant-read", .read), ("x-amz-grant-write", .write),
        ("x-amz-grant-read-acp", .readAccess), ("x-amz-grant-write-acp", .writeAccess),
        ("x-amz-grant-full-control", .fullControl),
    ]

    /// Nil if the request says nothing.
    static func read(_ headers: [HeaderField]) throws(S3Error) -> AccessHeaders? {
        let canned = headers.first("x-amz-acl")
        var grants: [Named] = []
        for (header, permission) in Self.permissions {
            guard let text = headers.first(header) else { continue }
            for part in text.split(separator: ",") {
                grants.append(Named(name: try Self.name(part, header), permission: permission))
            }
        }
        guard let canned else { return grants.isEmpty ? nil : .grants(grants) }
        guard grants.isEmpty else {
            throw S3Error(
                .invalidRequest,
                "Specifying both Canned ACLs and Header Grants is not allowed"
            )
        }
        guard Self.canned.contains(canned) else {
            throw .invalidArgument("", "x-amz-acl", canned)
        }
        return .canned(canned)
    }

    /// `id="…"`, `uri="…"` or `emailAddress="…"`.
    private static func name(_ part: Substring, _ header: String) throws(S3Error) -> Named.Name {
        let sides = part.split(separator: "=", maxSplits: 1)
        guard sides.count == 2 else {
            throw .invalidArgument("Argument format not recognized", header, String(part))
        }
        let kind = sides[0].filter { !$0.isWhitespace }
        let value = String(sides[1].drop(while: \.isWhitespace))
            .trimmingQuotes
        switch kind {
        case "id": return .id(value)
        case "uri": return .group(value)
        case "emailAddress": return .email(value)
        default: throw .invalidArgument("Argument format not recognized", header, String(part))
        }
    }
}

extension String {
    fileprivate var trimmingQuotes: String {
        var text = self[...]
        while text.last?.isWhitespace == true { text = text.dropLast() }
        if text.count >= 2, text.first == "\"", text.last == "\"" {
            text = text.dropFirst().dropLast()
        }
        return String(text)
    }
}

/// The groups that there are.
enum GranteeGroup {
    static let everybody = "http://acs.amazonaws.com/groups/global/AllUsers"
    static let authenticated = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
    /// There is no delivery of logs: a grant to it is accepted, and means nobody.
    static let logDelivery = "http://acs.amazonaws.com/groups/s3/LogDelivery"
}
