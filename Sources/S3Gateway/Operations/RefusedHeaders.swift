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
        try Self.checkAccessControl(headers)
    }

    /// Everything belongs to its owner, as in an S3 bucket whose owner enforces it.
    static func checkAccessControl(_ headers: [HeaderField]) throws(S3Error) {
        let grants = headers.contains { $0.name.hasPrefix("x-amz-grant-") }
        guard let canned = headers.first("x-amz-acl") else {
            if grants { throw S3Error(.accessControlListNotSupported) }
            return
        }
        guard !grants else {
            throw S3Error(
                .invalidRequest,
                "Specifying both Canned ACLs and Header Grants is not allowed"
            )
        }
        switch canned {
        case "private", "bucket-owner-full-control", "bucket-owner-read": return
        case "public-read", "public-read-write", "authenticated-read", "aws-exec-read",
            "log-delivery-write":
            throw S3Error(.accessControlListNotSupported)
        default: throw .invalidArgument("", "x-amz-acl", canned)
        }
    }

    /// Tags on an object that is made.
    static func checkTags(_ headers: [HeaderField]) throws(S3Error) {
        if let tags = headers.first("x-amz-tagging"), !tags.isEmpty {
            throw .notImplemented("The header x-amz-tagging")
        }
    }
}
