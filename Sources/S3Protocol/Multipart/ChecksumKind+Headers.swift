package import StoreModel

/// The checksum that CreateMultipartUpload asks for.
///
/// Source: S3 API Reference, "CreateMultipartUpload".
extension ChecksumKind {
    package var type: ChecksumType { self.isComposite ? .composite : .fullObject }

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
        let chosen = type ?? (algorithm == .crc64nvme ? .fullObject : .composite)
        self.init(algorithm, isComposite: chosen == .composite)
        guard self.isPossible else {
            throw S3Error(
                .invalidRequest,
                "The \(chosen.rawValue) checksum type cannot be used with the "
                    + "\(algorithm.headerSuffix) checksum algorithm."
            )
        }
    }

    private var isPossible: Bool {
        self.isComposite
            ? self.algorithm != .crc64nvme : ComposedChecksum.isLinear(self.algorithm)
    }

    /// Throws unless a part that came with a checksum of `algorithm`, or with none, can become part
    /// of the upload's.
    ///
    /// Where the whole content's checksum is wanted, a part may come without one.
    package func check(part algorithm: Checksum.Algorithm?) throws(S3Error) {
        if algorithm == self.algorithm || algorithm == nil && !self.isComposite { return }
        throw S3Error(
            .invalidRequest,
            "Checksum Type mismatch occurred, expected checksum Type: "
                + "\(self.algorithm.headerSuffix), actual checksum Type: "
                + (algorithm?.headerSuffix ?? "null")
        )
    }

    /// The object's checksum, made of those of its parts; nil if one of them has not the
    /// algorithm's length.
    package func compose(_ parts: [ComposedChecksum.Part]) -> Checksum? {
        let algorithm = self.algorithm
        guard self.isComposite else {
            return ComposedChecksum.fullObject(algorithm, of: parts)
                .map { Checksum(algorithm: algorithm, value: $0) }
        }
        return Checksum(
            algorithm: algorithm,
            value: ComposedChecksum.composite(algorithm, of: parts.map(\.value)),
            parts: UInt16(clamping: parts.count)
        )
    }
}
