import Coordinator
import NIOHTTP1
import S3Protocol
import StoreModel

extension S3Service {
    /// A bucket that never kept versions says nothing of them.
    func bucketVersioning(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let bucket = try await self.bucket(request)
        let document = XMLWriter.document("VersioningConfiguration") { writer in
            switch bucket.settings.versioning {
            case .never: break
            case .enabled: writer.element("Status", "Enabled")
            case .suspended: writer.element("Status", "Suspended")
            }
        }
        return .xml(document)
    }

    func setBucketVersioning(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let versioning = try Versioning(
            configuration: try await request.wholeBody(bytesMax: 64 << 10)
        )
        try await self.ask(request.subject) { () throws(ClusterError) in
            try await self.store.set(.versioning(versioning), of: request.bucket)
        }
        return .empty(.ok)
    }

    func listObjectVersions(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let query = try VersionsQuery(request.target)
        let page = try await self.ask(request.subject) { () throws(ClusterError) in
            try await self.store.listVersions(
                ListVersionsRequest(
                    bucket: request.bucket,
                    prefix: query.prefix,
                    delimiter: query.delimiter,
                    after: query.after,
                    limit: query.limit
                )
            )
        }
        let users = await self.credentials.users()
        let document = XMLWriter.document("ListVersionsResult") { writer in
            writer.element("Name", request.bucket.text)
            query.writeCommon(page, into: &writer)
            query.writeEntries(page, owner: users.owner, into: &writer)
        }
        return .xml(document)
    }
}

extension Versioning {
    /// Reads the body of PutBucketVersioning.
    ///
    /// Versions that only a second factor may delete are not implemented.
    init(configuration body: [UInt8]) throws(S3Error) {
        guard !body.isEmpty else { throw S3Error(.missingRequestBody) }
        let root = try XMLNode(parsing: body)
        guard root.name == "VersioningConfiguration" else { throw S3Error(.malformedXML) }
        switch root["MfaDelete"] {
        case nil, "Disabled": break
        case "Enabled": throw .notImplemented("MfaDelete")
        default: throw S3Error(.malformedXML)
        }
        switch root["Status"] {
        case "Enabled": self = .enabled
        case "Suspended": self = .suspended
        case nil: throw S3Error(.illegalVersioningConfiguration)
        default: throw S3Error(.malformedXML)
        }
    }
}

extension VersionName {
    /// Reads what a client calls a version.
    init(parameter text: String, _ name: String = "versionId") throws(S3Error) {
        guard !text.isEmpty else {
            throw .invalidArgument("Version id cannot be the empty string", name, text)
        }
        guard let version = VersionName(text) else {
            throw .invalidArgument("Invalid version id specified", name, text)
        }
        self = version
    }
}

extension HTTPHeaders {
    /// Adds what clients call a version; nothing in a bucket that never kept versions.
    mutating func addVersion(_ name: VersionName?) {
        if let name { self.add(name: "x-amz-version-id", value: name.description) }
    }

    /// Adds what clients call a version that was put: nothing if it is the null version, which S3
    /// does not tell there, as it does of copies.
    mutating func addNewVersion(_ name: VersionName?) {
        if name != .null { self.addVersion(name) }
    }

    /// Adds what clients call the source of a copy, unless it is the null version.
    mutating func addSourceVersion(_ name: VersionName?) {
        guard let name, name != .null else { return }
        self.add(name: "x-amz-copy-source-version-id", value: name.description)
    }
}

/// What ListObjectVersions is asked.
private struct VersionsQuery {
    let prefix: [UInt8]
    let delimiter: [UInt8]?
    let keyMarker: String
    let versionMarker: String
    let after: ListVersionsRequest.Marker?
    let limit: Int
    let names: NameEncoding

    init(_ target: RequestTarget) throws(S3Error) {
        self.prefix = Array((target["prefix"] ?? "").utf8)
        let delimiter = target["delimiter"] ?? ""
        self.delimiter = delimiter.isEmpty ? nil : Array(delimiter.utf8)
        self.names = try NameEncoding(target)
        self.limit = try target.maxKeys()
        self.keyMarker = target["key-marker"] ?? ""
        self.versionMarker = target["version-id-marker"] ?? ""
        guard !self.keyMarker.isEmpty else {
            guard self.versionMarker.isEmpty else {
                throw .invalidArgument(
                    "A version-id marker cannot be specified without a key marker.",
                    "version-id-marker",
                    self.versionMarker
                )
            }
            self.after = nil
            return
        }
        var version: VersionName?
        if !self.versionMarker.isEmpty {
            version = try VersionName(parameter: self.versionMarker, "version-id-marker")
        }
        self.after = .init(Array(self.keyMarker.utf8), version: version)
    }

    func writeCommon(_ page: VersionPage, into writer: inout XMLWriter) {
        writer.element("Prefix", self.names.shown(self.prefix))
        writer.element("KeyMarker", self.names.shown(Array(self.keyMarker.utf8)))
        writer.element("VersionIdMarker", self.versionMarker)
        if let next = page.next {
            writer.element("NextKeyMarker", self.names.shown(next.name))
            writer.element("NextVersionIdMarker", ifPresent: Self.version(next, page)?.description)
        }
        writer.element("MaxKeys", String(self.limit))
        writer.element("Delimiter", ifPresent: self.delimiter.map(self.names.shown))
        writer.element("EncodingType", ifPresent: self.names.type)
        writer.element("IsTruncated", page.next == nil ? "false" : "true")
    }

    /// The version that the next page begins behind: the last of this one, also if it is the last
    /// of its key, since clients hand it in again without looking; nil behind a common prefix.
    private static func version(
        _ next: ListVersionsRequest.Marker,
        _ page: VersionPage
    ) -> VersionName? {
        guard next.version == nil, case .version(let last)? = page.entries.last,
            last.key.bytes == next.name
        else { return next.version }
        return last.name
    }

    /// Versions and delete markers in the order of the page, then the common prefixes.
    ///
    /// `owner` is whom records know by an id.
    func writeEntries(
        _ page: VersionPage,
        owner: (String) -> Owner,
        into writer: inout XMLWriter
    ) {
        for case .version(let version) in page.entries {
            writer.element(version.isMarker ? "DeleteMarker" : "Version") { writer in
                writer.element("Key", self.names.shown(version.key.bytes))
                writer.element("VersionId", version.name.description)
                writer.element("IsLatest", version.isLatest ? "true" : "false")
                writer.element("LastModified", version.modified.calendarTime.iso8601)
                if !version.isMarker { Self.write(version, into: &writer) }
                writer.owner(owner(version.owner))
                if !version.isMarker {
                    writer.element("StorageClass", version.storageClass.rawValue)
                }
            }
        }
        for case .commonPrefix(let prefix) in page.entries {
            writer.element("CommonPrefixes") { $0.element("Prefix", self.names.shown(prefix)) }
        }
    }

    private static func write(_ version: ListedVersion, into writer: inout XMLWriter) {
        writer.element("ETag", "\"\(version.etag)\"")
        for checksum in version.checksums {
            writer.element("ChecksumAlgorithm", checksum.algorithm.name)
        }
        writer.element("ChecksumType", ifPresent: version.checksums.first?.type.rawValue)
        writer.element("Size", String(version.size))
    }
}
