package import NIOCore
package import S3Protocol

/// A request on a bucket or on one of its keys.
package struct S3Request: Sendable {
    package var method: String
    package var bucket: String
    /// Nil for the bucket itself.
    package var key: String?
    package var query: [(String, String)] = []
    package var headers: [HeaderField] = []
    /// Nil for none.
    package var body: ByteBuffer?

    package init(_ method: String, _ bucket: String, _ key: String? = nil) {
        self.method = method
        self.bucket = bucket
        self.key = key
    }
}
