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
        var text = ""
        text.reserveCapacity(Self.usualBytes)
        text += request.method
        text += "\n"
        text += request.target.canonicalPath
        text += "\n"
        text += request.target.canonicalQuery(without: "X-Amz-Signature")
        text += "\n"
        for name in signedHeaders { Self.add(name, request.headers, to: &text) }
        text += "\n"
        text += signedHeaders.joined(separator: ";")
        text += "\n"
        text += payload
        self.text = text
    }

    /// Room for most requests.
    private static let usualBytes = 1_024

    /// All values of a header in one line.
    private static func add(_ name: String, _ headers: [HeaderField], to text: inout String) {
        text += name
        var separator = ":"
        for header in headers where header.name == name {
            text += separator
            text += Self.trimmed(header.value)
            separator = ","
        }
        text += separator == ":" ? ":\n" : "\n"
    }

    /// No spaces at the ends, one where several follow each other.
    private static func trimmed(_ value: String) -> String {
        // Most values have none.
        if !value.utf8.contains(where: { $0 == 0x20 || $0 == 0x09 }) { return value }
        return value.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
    }

    /// `time` is the basic form that the request carries.
    func textToSign(time: String, scope: CredentialScope) -> String {
        "AWS4-HMAC-SHA256\n\(time)\n\(scope)\n\(sha256Text(Array(self.text.utf8)))"
    }
}
