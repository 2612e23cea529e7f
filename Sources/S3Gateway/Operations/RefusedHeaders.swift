import S3Protocol

/// Headers that ask for what this server has not.
///
/// Refused rather than ignored, whatever the operation: an object that a client believes encrypted
/// must not lie about in the open, and one that it believes locked must not be deleted.
enum RefusedHeaders {
    static func check(_ headers: [HeaderField]) throws(S3Error) {
        for header in headers {
            if let what = Self.missing(header) {
                throw .notImplemented("\(what) (the header \(header.name))")
            }
        }
    }

    private static let encryption = "x-amz-server-side-encryption"
    private static let ofCustomer = "x-amz-server-side-encryption-customer-"
    private static let ofCustomerOfSource =
        "x-amz-copy-source-server-side-encryption-customer-"

    /// What the header asks for; nil if that is no matter of this type.
    private static func missing(_ header: HeaderField) -> String? {
        let name = header.name
        // Every request comes by here, and most headers are none of these.
        guard name.hasPrefix("x-amz-") else { return nil }
        if name.hasPrefix(Self.ofCustomer) || name.hasPrefix(Self.ofCustomerOfSource) {
            return "Encryption by the server with a key of the client, SSE-C"
        }
        if name == Self.encryption {
            return header.value == "AES256"
                ? "Encryption by the server, SSE-S3" : "Encryption by the server, SSE-KMS"
        }
        if name.hasPrefix(Self.encryption) { return "Encryption by the server, SSE-KMS" }
        if name.hasPrefix("x-amz-object-lock-") { return "Object lock" }
        if name == "x-amz-bucket-object-lock-enabled", header.value.lowercased() != "false" {
            return "Object lock"
        }
        if name == "x-amz-write-offset-bytes" { return "Appending to an object" }
        return nil
    }
}
