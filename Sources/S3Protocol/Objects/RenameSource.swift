package import StoreModel

/// The key that an object is to be renamed from, as a client names it.
///
/// Source: S3 API Reference, "RenameObject".
package struct RenameSource: Hashable, Sendable {
    package static let header = "x-amz-rename-source"

    package let key: ObjectKey

    /// Reads `/bucket/key`, `bucket/key` or, as there is only one bucket that it can be in, `key`.
    ///
    /// Decoded once; a plus stands for itself.
    ///
    /// - Parameters:
    ///   - text: The value of the header; nil if there is none.
    ///   - bucket: The bucket of the request.
    /// - Throws: what a client is told of a name that is none, or not in that bucket.
    package init(parsing text: String?, in bucket: BucketName) throws(S3Error) {
        guard let text, !text.isEmpty else {
            throw S3Error(
                .invalidRequest,
                "Missing required header for this request: \(Self.header)"
            )
        }
        guard let bytes = PercentEncoding.decode(Array(text.utf8)[...]),
            let decoded = String(validating: bytes, as: UTF8.self)
        else { throw Self.invalid("Invalid rename source encoding", text) }
        let path = decoded.hasPrefix("/") ? String(decoded.dropFirst()) : decoded
        let isInBucket = path.hasPrefix("\(bucket.text)/")
        guard isInBucket || !decoded.hasPrefix("/") else {
            throw S3Error(
                .invalidRequest,
                "The source and the destination of a rename must be in the same bucket."
            )
        }
        let name = isInBucket ? String(path.dropFirst(bucket.text.count + 1)) : path
        guard let key = ObjectKey(name) else {
            throw Self.invalid("Invalid rename source object key", text)
        }
        self.key = key
    }

    private static func invalid(_ message: String, _ text: String) -> S3Error {
        .invalidArgument(message, Self.header, text)
    }
}
