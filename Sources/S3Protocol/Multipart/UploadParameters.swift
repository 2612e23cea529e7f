package import StoreModel

/// The numbers that requests about multipart uploads carry in their query.
///
/// Source: S3 API Reference, "UploadPart", "ListParts" and "ListMultipartUploads".
package enum UploadParameters {
    /// Reads `partNumber`, or a number in a list of parts.
    package static func partNumber(_ text: String) throws(S3Error) -> PartNumber {
        guard let number = Self.digits(text).flatMap(PartNumber.init) else {
            throw .invalidArgument(
                "Part number must be an integer between 1 and 10000, inclusive",
                "partNumber",
                text
            )
        }
        return number
    }

    /// Reads a marker or a length of a page; `absent` stands for a parameter without a value.
    package static func count(
        _ name: String,
        _ text: String?,
        absent: Int
    ) throws(S3Error) -> Int {
        guard let text, !text.isEmpty else { return absent }
        guard let number = Self.digits(text), number <= Int(Int32.max) else {
            throw .invalidArgument(
                "Argument \(name) must be an integer between 0 and 2147483647",
                name,
                text
            )
        }
        return number
    }

    /// Digits only: no sign and no spaces.
    private static func digits(_ text: String) -> Int? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
    }
}
