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

/// The checksum that CreateMultipartUpload asks for.
///
/// Source: S3 API Reference, "CreateMultipartUpload".
package struct UploadChecksum: Hashable, Sendable {
    package let algorithm: Checksum.Algorithm
    package let type: ChecksumType

    package init(algorithm: Checksum.Algorithm, type: ChecksumType) {
        self.algorithm = algorithm
        self.type = type
    }

    /// nil if the request asks for none.
    package init?(_ headers: [HeaderField]) throws(S3Error) {
        let type = try ChecksumType(headers)
        guard let text = headers.first("x-amz-checksum-algorithm") else {
            guard type == nil else {
                throw S3Error(
                    .invalidRequest,
                    "The x-amz-checksum-type header can only be used with the "
                        + "x-amz-checksum-algorithm header."
                )
            }
            return nil
        }
        let algorithm = try BodyChecks.algorithm(text)
        self.algorithm = algorithm
        self.type = type ?? (algorithm == .crc64nvme ? .fullObject : .composite)
        guard self.isPossible else {
            throw S3Error(
                .invalidRequest,
                "The \(self.type.rawValue) checksum type cannot be used with the "
                    + "\(algorithm.headerSuffix) checksum algorithm."
            )
        }
    }

    private var isPossible: Bool {
        switch self.type {
        case .composite: self.algorithm != .crc64nvme
        case .fullObject: ComposedChecksum.isLinear(self.algorithm)
        }
    }

    /// Throws unless a part that came with a checksum of `algorithm`, or with none, can become part
    /// of the upload's.
    ///
    /// Where the whole content's checksum is wanted, a part may come without one.
    package func check(part algorithm: Checksum.Algorithm?) throws(S3Error) {
        if algorithm == self.algorithm || algorithm == nil && self.type == .fullObject { return }
        throw S3Error(
            .invalidRequest,
            "Checksum Type mismatch occurred, expected checksum Type: "
                + "\(self.algorithm.headerSuffix), actual checksum Type: "
                + (algorithm?.headerSuffix ?? "null")
        )
    }
}

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
