import Coordinator
import S3Protocol
import StoreModel

/// What the headers of CopyObject ask for.
///
/// Source: S3 API Reference, "CopyObject"; docs/s3-compatibility.md, "CopyObject".
struct CopyDirectives {
    let source: CopySource
    let condition: TargetCondition
    let sourceConditions: ReadConditions
    let storageClass: StorageClass
    let mode: CopyRequest.Mode
    /// The checksum that the copy is to have; nil keeps the source's.
    let algorithm: Checksum.Algorithm?
    /// Nil keeps the source's.
    let metadata: ObjectMetadata?
    /// Nil keeps the source's.
    let tags: [Tag]?
    /// Never inherited, whatever happens to the rest.
    let websiteRedirect: String?
    /// Whether a copy of an object to itself would change something.
    ///
    /// The headers count, not their values.
    let changesSomething: Bool

    init(_ headers: [HeaderField]) throws(S3Error) {
        self.source = try CopySource(headers)
        self.condition = try TargetCondition(headers)
        self.sourceConditions = ReadConditions(copying: headers)
        self.storageClass = try StorageClass(headers: headers)
        self.mode = try CopyRequest.Mode(headers)
        self.algorithm = try headers.first("x-amz-checksum-algorithm").map {
            text throws(S3Error) in try BodyChecks.algorithm(text)
        }
        self.tags = try Self.tags(headers)
        let isReplacing = try Self.isReplacing(headers)
        self.metadata = isReplacing ? try MetadataHeaders.read(headers) : nil
        self.websiteRedirect = try MetadataHeaders.websiteRedirect(headers)
        self.changesSomething =
            isReplacing || self.websiteRedirect != nil
            || headers.first("x-amz-storage-class") != nil
            || self.source.version != nil
    }

    private static func isReplacing(_ headers: [HeaderField]) throws(S3Error) -> Bool {
        switch headers.first("x-amz-metadata-directive") {
        case nil, "COPY": return false
        case "REPLACE": return true
        case .some(let value):
            throw .invalidArgument(
                "Unknown metadata directive.",
                "x-amz-metadata-directive",
                value
            )
        }
    }

    private static func tags(_ headers: [HeaderField]) throws(S3Error) -> [Tag]? {
        switch headers.first("x-amz-tagging-directive") {
        // Those of the request do not count.
        case nil, "COPY": return nil
        case "REPLACE": return try TagSet.read(headers)
        case .some(let value):
            throw .invalidArgument("Unknown tagging directive.", "x-amz-tagging-directive", value)
        }
    }
}

extension CopySource {
    /// What `x-amz-copy-source` names.
    init(_ headers: [HeaderField]) throws(S3Error) {
        try self.init(parsing: headers.first("x-amz-copy-source") ?? "")
        if let version = self.version { _ = try VersionName(parameter: version) }
    }

    /// The version that is copied; nil for the current one.
    var versionName: VersionName? { self.version.flatMap { VersionName($0) } }
}

extension CopyRequest.Mode {
    /// What `x-triolet-copy-mode` asks for.
    init(_ headers: [HeaderField]) throws(S3Error) {
        let name = "x-triolet-copy-mode"
        guard let text = headers.first(name) else {
            self = .automatic
            return
        }
        guard let mode = Self(rawValue: text) else {
            throw .invalidArgument(
                "The copy mode is automatic, reference or independent.",
                name,
                text
            )
        }
        self = mode
    }
}
