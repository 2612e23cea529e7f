import S3Protocol

/// Where the next page of a listing starts, as clients carry it around.
enum ContinuationToken {
    /// The first byte, so that another form can be told from this one later.
    private static let version: UInt8 = 1

    static func text(_ bytes: [UInt8]) -> String { Base64.text([Self.version] + bytes) }

    static func bytes(_ text: String) throws(S3Error) -> [UInt8] {
        guard let bytes = Base64.bytes(text), bytes.first == Self.version else {
            throw .invalidArgument(
                "The continuation token provided is incorrect",
                "continuation-token",
                text
            )
        }
        return Array(bytes.dropFirst())
    }
}
