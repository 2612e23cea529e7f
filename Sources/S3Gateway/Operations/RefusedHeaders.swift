import S3Protocol

/// Headers that ask for what this server has not.
///
/// Refused rather than ignored: an object that a client believes encrypted must not lie about in
/// the open.
enum RefusedHeaders {
    static func check(_ headers: [HeaderField]) throws(S3Error) {
        for header in headers {
            if header.name.hasPrefix("x-amz-server-side-encryption")
                || header.name.hasPrefix("x-amz-copy-source-server-side-encryption")
            {
                throw .notImplemented("The header \(header.name)")
            }
            if header.name.hasPrefix("x-amz-object-lock-") {
                throw S3Error(.invalidRequest, "Bucket is missing ObjectLockConfiguration")
            }
            if header.name == "x-amz-write-offset-bytes" {
                throw .notImplemented("Appending to an object")
            }
        }
    }
}
