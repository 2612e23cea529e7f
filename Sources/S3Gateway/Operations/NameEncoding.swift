import S3Protocol

/// How a listing shows names: as they are, or percent-encoded (`encoding-type=url`).
struct NameEncoding {
    private let isEncoded: Bool

    init(_ target: RequestTarget) throws(S3Error) {
        switch target["encoding-type"] {
        case nil, "": self.isEncoded = false
        case "url": self.isEncoded = true
        case .some(let type):
            throw .invalidArgument(
                "Invalid Encoding Method specified in Request",
                "encoding-type",
                type
            )
        }
    }

    func shown(_ bytes: [UInt8]) -> String {
        self.isEncoded
            ? PercentEncoding.encode(bytes, escapingSlash: false)
            : String(decoding: bytes, as: UTF8.self)
    }

    /// Writes a name as it is shown.
    func write(_ bytes: [UInt8], into writer: inout XMLWriter) {
        if self.isEncoded { writer.text(self.shown(bytes)) } else { writer.text(bytes) }
    }

    /// As answers repeat it; nil if names are not encoded.
    var type: String? { self.isEncoded ? "url" : nil }
}
