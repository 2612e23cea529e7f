import S3Protocol
import StoreModel

/// Values of `x-amz-copy-source`: what was read, written in full and read again, is the same.
///
/// So the bucket, key and version that are authorised are those that a client named.
enum CopySourceTarget {
    static func check(_ bytes: [UInt8]) throws {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let source = try? CopySource(parsing: text) else { return }
        try demand(BucketName(source.bucket.text) == source.bucket, "no bucket name")
        try demand(ObjectKey(source.key.description) == source.key, "no key")
        let key = PercentEncoding.encode(source.key.bytes)
        let version = source.version.map { "?versionId=" + PercentEncoding.encode($0.utf8) } ?? ""
        for separator in ["/", "%2F"] {
            for start in ["", "/"] {
                let form = "\(start)\(source.bucket)\(separator)\(key)\(version)"
                let again = try CopySource(parsing: form)
                try demand(again == source, "another source: \(form)")
            }
        }
    }
}
