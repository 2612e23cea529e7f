package import StoreModel

/// What a request promises of its body besides the signature.
package struct BodyChecks: Hashable, Sendable {
    /// 16 bytes.
    package var contentMD5: [UInt8]?
    /// Of `x-amz-checksum-…`.
    package var checksum: Checksum?
    /// The checksum that comes behind the body.
    package var trailer: Checksum.Algorithm?
    /// A checksum that nobody promised and that is wanted all the same.
    ///
    /// Without meaning if there is another.
    package var computed: Checksum.Algorithm?

    package init(_ headers: [HeaderField]) throws(S3Error) {
        if let text = headers.first("content-md5") {
            guard let digest = Base64.bytes(text), digest.count == 16 else {
                throw S3Error(.invalidDigest)
            }
            self.contentMD5 = digest
        }
        for header in headers where header.name.hasPrefix(Self.prefix) {
            if Self.isWithoutValue(header.name) { continue }
            let name = String(header.name.dropFirst(Self.prefix.utf8.count))
            guard self.checksum == nil else { throw Self.several }
            self.checksum = try Self.checksum(name, header.value)
        }
        if let text = headers.first("x-amz-trailer") {
            self.trailer = try Self.trailer(text)
            guard self.checksum == nil else { throw Self.several }
        }
        try Self.checkAlgorithm(headers)
    }

    package static let prefix = "x-amz-checksum-"
    /// Headers with the prefix that carry no checksum.
    private static let noValues: Set<String> = ["algorithm", "mode", "type"]

    /// Whether a header with ``prefix`` carries no checksum.
    static func isWithoutValue(_ name: String) -> Bool {
        Self.noValues.contains(String(name.dropFirst(Self.prefix.utf8.count)))
    }

    static let several = S3Error(
        .invalidRequest,
        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
    )

    /// Reads one checksum by the name behind ``prefix``.
    package static func checksum(_ name: String, _ value: String) throws(S3Error) -> Checksum {
        guard let algorithm = Checksum.Algorithm(headerSuffix: name) else {
            throw .notImplemented("The checksum \(Self.prefix)\(name)")
        }
        guard let bytes = Base64.bytes(value), bytes.count == algorithm.byteCount else {
            throw S3Error(
                .invalidRequest,
                "Value for \(Self.prefix)\(name) header is invalid."
            )
        }
        return Checksum(algorithm: algorithm, value: bytes)
    }

    private static func trailer(_ text: String) throws(S3Error) -> Checksum.Algorithm {
        let name = text.lowercased()
        guard name.hasPrefix(Self.prefix), !name.contains(",") else {
            throw .invalidArgument(
                "The value specified in the x-amz-trailer header is not supported",
                "x-amz-trailer",
                text
            )
        }
        let suffix = String(name.dropFirst(Self.prefix.utf8.count))
        guard let algorithm = Checksum.Algorithm(headerSuffix: suffix) else {
            throw .notImplemented("The checksum \(name)")
        }
        return algorithm
    }

    private static func checkAlgorithm(_ headers: [HeaderField]) throws(S3Error) {
        guard let text = headers.first("x-amz-checksum-algorithm") else { return }
        _ = try Self.algorithm(text)
    }

    /// Reads the value of `x-amz-checksum-algorithm`.
    package static func algorithm(_ text: String) throws(S3Error) -> Checksum.Algorithm {
        if let algorithm = Checksum.Algorithm(headerSuffix: text.lowercased()) { return algorithm }
        if ["SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128"].contains(text.uppercased()) {
            throw .notImplemented("The checksum algorithm \(text.uppercased())")
        }
        throw S3Error(
            .invalidRequest,
            "Checksum algorithm provided is unsupported. Please try again with any of the valid "
                + "types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
        )
    }
}

extension Checksum.Algorithm {
    package init?(headerSuffix: String) {
        guard let algorithm = Self.allCases.first(where: { $0.headerSuffix == headerSuffix }) else {
            return nil
        }
        self = algorithm
    }

    /// Behind `x-amz-checksum-`.
    package var headerSuffix: String { self.name.lowercased() }

    /// As XML elements and parameters name it, behind `Checksum`.
    package var name: String {
        switch self {
        case .crc32: "CRC32"
        case .crc32c: "CRC32C"
        case .crc64nvme: "CRC64NVME"
        case .sha1: "SHA1"
        case .sha256: "SHA256"
        }
    }

    package var byteCount: Int {
        switch self {
        case .crc32, .crc32c: 4
        case .crc64nvme: 8
        case .sha1: 20
        case .sha256: 32
        }
    }
}
