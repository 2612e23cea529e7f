/// A request as far as a signature covers it.
package struct SignableRequest: Sendable {
    package let method: String
    package let target: RequestTarget
    /// All of them, `host` among them.
    package let headers: [HeaderField]

    package init(method: String, target: RequestTarget, headers: [HeaderField]) {
        self.method = method
        self.target = target
        self.headers = headers
    }
}

/// The one text that client and server make of a request before they sign it.
///
/// Source: AWS, "Signature Version 4 signing process", "Create a canonical request".
struct CanonicalRequest {
    let text: String

    /// `signedHeaders` are in lower case and sorted, each once.
    init(_ request: SignableRequest, signedHeaders: [String], payload: String) {
        let headers = signedHeaders.map { name in
            let values = request.headers.filter { $0.name == name }
                .map { Self.trimmed($0.value) }
            return "\(name):\(values.joined(separator: ","))\n"
        }
        self.text = """
            \(request.method)
            \(request.target.canonicalPath)
            \(request.target.canonicalQuery(without: "X-Amz-Signature"))
            \(headers.joined())
            \(signedHeaders.joined(separator: ";"))
            \(payload)
            """
    }

    /// No spaces at the ends, one where several follow each other.
    private static func trimmed(_ value: String) -> String {
        value.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
    }

    /// `time` is the basic form that the request carries.
    func textToSign(time: String, scope: CredentialScope) -> String {
        "AWS4-HMAC-SHA256\n\(time)\n\(scope)\n\(sha256Text(Array(self.text.utf8)))"
    }
}
