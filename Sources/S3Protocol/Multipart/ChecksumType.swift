package import StoreModel

/// What the checksum of an object that was made of parts is a checksum of.
package enum ChecksumType: String, Hashable, Sendable {
    /// Of the parts' checksums; written with a dash and their number.
    case composite = "COMPOSITE"
    /// Of the content, as if it had been uploaded at once.
    case fullObject = "FULL_OBJECT"

    package static let header = "x-amz-checksum-type"

    /// Reads the header; nil if it is absent.
    package init?(_ headers: [HeaderField]) throws(S3Error) {
        guard let text = headers.first(Self.header) else { return nil }
        guard let type = Self(rawValue: text.uppercased()) else {
            throw S3Error(.invalidRequest, "Value for \(Self.header) header is invalid.")
        }
        self = type
    }
}

extension Checksum {
    package var type: ChecksumType { self.parts > 0 ? .composite : .fullObject }

    /// As headers and elements write it: Base64, and the number of parts behind a dash.
    package var text: String {
        Base64.text(self.value) + (self.parts > 0 ? "-\(self.parts)" : "")
    }
}
