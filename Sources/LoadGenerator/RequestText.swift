import Crypto
package import S3Protocol
import StoreModel

/// Whom the load comes from: the pair of keys, and the region that is signed.
package struct LoadIdentity: Sendable {
    package let accessKey: String
    package let secret: SecretKey
    package let region: String

    package init(accessKey: String, secret: SecretKey, region: String) {
        self.accessKey = accessKey
        self.secret = secret
        self.region = region
    }
}

/// A request without its body.
struct LoadRequest {
    var method: String
    /// Begins with a slash; unreserved characters and slashes only, so that it needs no encoding.
    var path: String
    /// In the form that is signed: sorted, encoded; empty if there is none.
    var query = ""
    /// Names in lower case, beginning with `x-amz-` (which is signed) or `x-triolet-`.
    var headers: [(name: String, value: String)] = []
    /// Bytes of the body; nil for a method without one.
    var bodyBytes: UInt64?
}

/// Writes signed request heads.
///
/// The store's own signer derives its key for every request and copies every header twice, which
/// is nothing beside a command and much beside a GET of 1 KiB: this one keeps what does not change
/// within a second. `RequestTextTests` holds it against the other.
struct RequestText {
    private let identity: LoadIdentity
    private let host: String
    private var second: Int64 = .min
    private var time = ""
    private var scope = ""
    private var key: SigningKey?

    init(_ identity: LoadIdentity, host: String) {
        self.identity = identity
        self.host = host
    }

    /// The head with the empty line at its end, signed at `second` (of 1970).
    mutating func head(_ request: LoadRequest, at second: Int64) -> [UInt8] {
        let key = self.key(at: second)
        var headers = request.headers.filter { $0.name.hasPrefix("x-amz-") }
        headers.append((name: "host", value: self.host))
        headers.append((name: "x-amz-content-sha256", value: "UNSIGNED-PAYLOAD"))
        headers.append((name: "x-amz-date", value: self.time))
        headers.sort { $0.name < $1.name }
        let names = headers.map(\.name).joined(separator: ";")
        var canonical = "\(request.method)\n\(request.path)\n\(request.query)\n"
        for header in headers { canonical += "\(header.name):\(header.value)\n" }
        canonical += "\n\(names)\nUNSIGNED-PAYLOAD"
        let digest = Hexadecimal.text(Array(SHA256.hash(data: Array(canonical.utf8))))
        let signed = "AWS4-HMAC-SHA256\n\(self.time)\n\(self.scope)\n\(digest)"
        let signature = Hexadecimal.text(Array(key.sign(signed)))

        var text = "\(request.method) \(request.path)"
        if !request.query.isEmpty { text += "?\(request.query)" }
        text += " HTTP/1.1\r\n"
        for header in headers { text += "\(header.name): \(header.value)\r\n" }
        for header in request.headers where !header.name.hasPrefix("x-amz-") {
            text += "\(header.name): \(header.value)\r\n"
        }
        if let bytes = request.bodyBytes { text += "content-length: \(bytes)\r\n" }
        text += "authorization: AWS4-HMAC-SHA256 Credential=\(self.identity.accessKey)/"
        text += "\(self.scope), SignedHeaders=\(names), Signature=\(signature)\r\n\r\n"
        return Array(text.utf8)
    }

    private mutating func key(at second: Int64) -> SigningKey {
        if second == self.second, let key = self.key { return key }
        self.second = second
        self.time = CalendarTime(seconds: second).basic
        let scope = CredentialScope(
            date: String(self.time.prefix(8)),
            region: self.identity.region
        )
        if let key = self.key, key.scope == scope { return key }
        self.scope = scope.description
        let key = SigningKey(self.identity.secret, scope)
        self.key = key
        return key
    }
}
