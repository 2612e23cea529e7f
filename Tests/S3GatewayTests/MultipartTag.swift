import Crypto
import StoreModel

/// The ETag of an object that was made of parts.
enum MultipartTag {
    /// The MD5 of the parts' MD5s, and their number; nil if a tag is not hexadecimal.
    static func text(of etags: [String]) -> String? {
        var hash = Insecure.MD5()
        for etag in etags {
            guard let digest = Hexadecimal.bytes(etag) else { return nil }
            hash.update(data: digest)
        }
        return "\(Hexadecimal.text(Array(hash.finalize())))-\(etags.count)"
    }
}
