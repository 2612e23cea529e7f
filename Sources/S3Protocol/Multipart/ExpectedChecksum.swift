package import StoreModel

/// The checksum of the finished object, as CompleteMultipartUpload expects it.
package struct ExpectedChecksum: Hashable, Sendable {
    package let checksum: Checksum
    /// Parts of a composite checksum that was written with their number.
    package let parts: Int?

    /// Reads `x-amz-checksum-…`; nil if there is none.
    package init?(_ headers: [HeaderField]) throws(S3Error) {
        let found = headers.filter {
            $0.name.hasPrefix(BodyChecks.prefix) && !BodyChecks.isWithoutValue($0.name)
        }
        guard let header = found.first else { return nil }
        guard found.count == 1 else { throw BodyChecks.several }
        let name = String(header.name.dropFirst(BodyChecks.prefix.utf8.count))
        let halves = header.value.split(
            separator: "-",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        self.checksum = try BodyChecks.checksum(name, String(halves[0]))
        guard halves.count == 2 else {
            self.parts = nil
            return
        }
        guard let parts = Int(halves[1]), parts > 0 else {
            throw S3Error(.invalidRequest, "Value for \(header.name) header is invalid.")
        }
        self.parts = parts
    }
}
