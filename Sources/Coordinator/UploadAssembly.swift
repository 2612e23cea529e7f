import Crypto
import StoreModel

/// The object that a list of parts makes; pure.
///
/// Source: S3 API Reference, "CompleteMultipartUpload".
struct UploadAssembly: Hashable, Sendable {
    /// The parts of the object, in order; never empty.
    let parts: [PartSummary]
    let segments: [SegmentRun]
    /// Sorted, each once.
    let borrows: [ManifestID]
    let size: UInt64

    /// Puts parts together.
    ///
    /// - Parameters:
    ///   - request: The list, and what is expected of it.
    ///   - stored: What is there, by number.
    ///   - least: Smallest part that may be followed by another.
    /// - Throws: why no object can be made of them.
    init(
        _ request: CompleteUploadRequest,
        of stored: [PartNumber: PartRecord],
        least: UInt64
    ) throws(PartRefusal) {
        guard let last = request.parts.last else { throw .noParts }
        guard zip(request.parts, request.parts.dropFirst()).allSatisfy({ $0.number < $1.number })
        else { throw .notAscending }
        var found: [(claim: PartClaim, part: PartRecord)] = []
        for claim in request.parts {
            guard let part = stored[claim.number], claim.matches(part) else {
                throw .invalid(claim)
            }
            found.append((claim, part))
        }
        var parts: [PartSummary] = []
        var segments: [SegmentRun] = []
        var borrows: Set<ManifestID> = []
        for (claim, part) in found {
            guard part.size >= least || claim.number == last.number else {
                throw .tooSmall(claim, size: part.size, least: least)
            }
            parts.append(PartSummary(claim.number, part))
            segments += part.segments
            if let source = part.source { borrows.insert(source) }
        }
        self.parts = parts
        self.segments = segments
        self.borrows = borrows.sorted()
        self.size = parts.reduce(0) { $0 + $1.size }
        if let size = request.size, size != self.size { throw .otherSize(self.size) }
    }

    /// The ETag of the object that parts with these ETags make: the MD5 of their MD5s, and their
    /// number.
    ///
    /// - Returns: nil if one of them cannot be an ETag of a part.
    static func etag(of parts: some Collection<String>) -> String? {
        var digest = Insecure.MD5()
        for etag in parts {
            guard let bytes = Hexadecimal.bytes(etag), bytes.count == 16 else { return nil }
            digest.update(data: bytes)
        }
        return Hexadecimal.text(Array(digest.finalize())) + "-\(parts.count)"
    }
}

extension PartRefusal: Error {}

extension PartClaim {
    /// Whether it is this part that is meant.
    ///
    /// A checksum that the part has not is not compared.
    func matches(_ part: PartRecord) -> Bool {
        self.etag == part.etag
            && self.checksums.allSatisfy { claimed in
                part.checksums.allSatisfy {
                    $0.algorithm != claimed.algorithm || $0.value == claimed.value
                }
            }
    }
}
