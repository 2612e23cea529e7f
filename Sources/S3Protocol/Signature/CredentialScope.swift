/// Where and on which day a signature is good.
package struct CredentialScope: Hashable, Sendable, CustomStringConvertible {
    package static let service = "s3"
    static let terminator = "aws4_request"

    /// Eight digits: `20130524`.
    package let date: String
    package let region: String

    package init(date: String, region: String) {
        self.date = date
        self.region = region
    }

    /// `20130524/us-east-1/s3/aws4_request`.
    package var description: String {
        "\(self.date)/\(self.region)/\(Self.service)/\(Self.terminator)"
    }
}
