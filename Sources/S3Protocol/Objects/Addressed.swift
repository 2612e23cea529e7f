package import StoreModel

/// What the path and the host of a request name.
package enum Addressed: Hashable, Sendable {
    /// The list of buckets.
    case service
    case bucket(BucketName)
    case object(BucketName, ObjectKey)

    /// Reads both styles.
    ///
    /// A host that is one of `domains` with something in front of it names the bucket there
    /// (`photos.s3.example.com`, `photos.localhost`); any other host is path style. `domains` are
    /// in lower case, without port.
    package init(
        path: [UInt8],
        host: String?,
        domains: [String] = []
    ) throws(S3Error) {
        if let bucket = Self.bucket(in: host, domains) {
            self = try Self.resource(Self.name(bucket), key: path.dropFirst())
            return
        }
        let rest = path.dropFirst()
        guard !rest.isEmpty else {
            self = .service
            return
        }
        let slash = rest.firstIndex(of: 0x2F) ?? rest.endIndex
        let bucket = try Self.name(String(decoding: rest[..<slash], as: UTF8.self))
        self = try Self.resource(bucket, key: rest[slash...].dropFirst())
    }

    package var bucket: BucketName? {
        switch self {
        case .service: nil
        case .bucket(let name), .object(let name, _): name
        }
    }

    package var key: ObjectKey? {
        switch self {
        case .service, .bucket: nil
        case .object(_, let key): key
        }
    }

    /// Checks a key that came in a path or in a body.
    package static func key(_ bytes: some Collection<UInt8>) throws(S3Error) -> ObjectKey {
        guard bytes.count <= Limit.keyBytes else {
            throw S3Error(
                .keyTooLong,
                nil,
                [
                    .init("Size", String(bytes.count)),
                    .init("MaxSizeAllowed", String(Limit.keyBytes)),
                ]
            )
        }
        guard
            let text = String(validating: bytes, as: UTF8.self), let key = ObjectKey(text)
        else { throw S3Error(.invalidURI) }
        return key
    }

    private static func resource(
        _ bucket: BucketName,
        key: ArraySlice<UInt8>
    ) throws(S3Error) -> Addressed {
        key.isEmpty ? .bucket(bucket) : .object(bucket, try Self.key(key))
    }

    private static func name(_ text: String) throws(S3Error) -> BucketName {
        guard let name = BucketName(text) else {
            throw S3Error(.invalidBucketName, nil, [.init("BucketName", text)])
        }
        return name
    }

    private static func bucket(in host: String?, _ domains: [String]) -> String? {
        guard var host = host?.lowercased() else { return nil }
        if let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") {
            host = String(host[..<colon])
        }
        for domain in domains where host.hasSuffix(".\(domain)") {
            return String(host.dropLast(domain.utf8.count + 1))
        }
        return nil
    }
}
