import Crypto
import StoreModel

/// The ETag of an object made of parts, computed as S3 describes it and not as the store does.
enum UploadETag {
    static func of(_ parts: [String]) -> String {
        var digest = Insecure.MD5()
        for part in parts { digest.update(data: Hexadecimal.bytes(part) ?? []) }
        return "\(Hexadecimal.text(Array(digest.finalize())))-\(parts.count)"
    }
}
