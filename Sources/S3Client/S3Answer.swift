import NIOHTTP1

/// A successful answer.
package struct S3Answer: Sendable {
    package let status: Int
    /// The body, if it was small; empty for an object.
    package let text: String
    private let headers: HTTPHeaders

    init(_ head: HTTPResponseHead, text: String) {
        self.status = Int(head.status.code)
        self.text = text
        self.headers = head.headers
    }

    /// The value of a header; its name in any case.
    package subscript(header name: String) -> String? { self.headers.first(name: name) }

    /// Without quotes: from the header, or from the body of a copy.
    package var etag: String? {
        (self[header: "ETag"] ?? XMLText.first("ETag", in: self.text)).map {
            $0.filter { $0 != "\"" }
        }
    }
}

/// What a server that speaks S3 said instead of doing what it was asked.
package struct S3Failure: Error, Hashable, Sendable, CustomStringConvertible {
    package let status: Int
    /// Empty if the server gave none, as in the answer to a HEAD.
    package let code: String
    package let message: String
    package let requestID: String
    /// Seconds after which the server wants to be asked again; nil if it did not say.
    package var retryAfter: Int?

    init(status: Int, code: String = "", message: String = "", requestID: String = "") {
        self.status = status
        self.code = code
        self.message = message
        self.requestID = requestID
    }

    /// nil if the text holds no error.
    init?(status: Int, text: String) {
        guard let error = XMLText.first("Error", in: text),
            let code = XMLText.first("Code", in: error)
        else { return nil }
        self.init(
            status: status,
            code: code,
            message: XMLText.first("Message", in: error) ?? "",
            requestID: XMLText.first("RequestId", in: error) ?? ""
        )
    }

    package var description: String {
        let message = self.message.isEmpty ? "" : ": \(self.message)"
        let request = self.requestID.isEmpty ? "" : " (request \(self.requestID))"
        return "\(self.status) \(self.code)\(message)\(request)"
    }
}
