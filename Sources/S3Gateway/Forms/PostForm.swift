import Coordinator
import S3Protocol
import StoreModel

/// The fields of a form, and what they mean.
///
/// Source: S3 API Reference, "POST Object".
struct PostForm: Sendable {
    /// What is answered to a form that succeeded.
    enum Success: Hashable, Sendable {
        case status(Int)
        case redirect(String)
    }

    let fields: [HeaderField]
    let key: ObjectKey

    /// `filename` takes the place of the variable in the key.
    init(_ fields: [HeaderField], filename: String) throws(S3Error) {
        guard let text = fields.first("key") else { throw .missingField("key") }
        let key = text.replacing("${filename}", with: filename)
        guard !key.isEmpty else {
            throw .invalidArgument(
                "User key must have a length greater than 0.",
                "key",
                text
            )
        }
        self.key = try Addressed.key(Array(key.utf8))
        // Policies speak of the key with the name in it.
        self.fields = fields.map { $0.name == "key" ? HeaderField("key", key) : $0 }
    }

    /// What `success_action_redirect` and `success_action_status` ask for.
    var success: Success {
        get throws(S3Error) {
            for name in ["success_action_redirect", "redirect"] {
                guard let text = self.fields.first(name), !text.isEmpty else { continue }
                let start = text.prefix(8).lowercased()
                guard start.hasPrefix("http://") || start.hasPrefix("https://"),
                    text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
                else {
                    throw .invalidArgument("The redirect is no URL of HTTP.", name, "")
                }
                return .redirect(text)
            }
            switch self.fields.first("success_action_status") {
            case "200": return .status(200)
            case "201": return .status(201)
            default: return .status(204)
            }
        }
    }

    /// Fields that are headers of other requests.
    private static let headers: Set<String> = [
        "cache-control", "content-disposition", "content-encoding", "content-language",
        "content-md5", "content-type", "expires",
    ]
    /// Fields with the prefix of headers that are none.
    private static let signature: Set<String> = [
        "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "x-amz-tagging",
        "x-amz-trailer", "x-amz-content-sha256", "x-amz-acl", "x-amz-copy-source",
    ]
    /// Headers of the request itself that count.
    private static let kept: Set<String> = [
        "host", "if-match", "if-none-match", "origin", "referer", "user-agent",
        "x-amz-expected-bucket-owner",
    ]

    /// The headers that a PutObject would have which does the same.
    func headers(of request: S3Request) throws(S3Error) -> [HeaderField] {
        var headers = request.headers.filter { Self.kept.contains($0.name) }
        headers += self.fields.filter { field in
            Self.headers.contains(field.name)
                || field.name.hasPrefix("x-amz-") && !Self.signature.contains(field.name)
                    && !Self.kept.contains(field.name)
        }
        if let acl = self.fields.first("acl") { headers.append(HeaderField("x-amz-acl", acl)) }
        if let tagging = self.fields.first("tagging") {
            let tags = try TagSet.read(document: Array(tagging.utf8), max: Limit.objectTags)
            let pairs = tags.map { tag in
                "\(PercentEncoding.encode(tag.key.utf8))=\(PercentEncoding.encode(tag.value.utf8))"
            }
            headers.append(HeaderField("x-amz-tagging", pairs.joined(separator: "&")))
        }
        return headers
    }
}
