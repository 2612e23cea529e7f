import Coordinator
import S3Protocol
import StoreModel

/// What a request was about, for errors that name it.
struct ErrorSubject {
    var bucket: String?
    var key: String?
    /// The version of the key, as the client wrote it.
    var version: String?
    var method: String?
    var source: CopySource?
    /// The header of the target's condition.
    var condition: String?
    /// The id of a multipart upload, as the client wrote it.
    var upload: String?
}

extension S3Error {
    /// The one table from what the cluster says to what S3 says (docs/s3/errors.md).
    init(_ error: ClusterError, about subject: ErrorSubject) {
        if let cause = error.cause as? S3Error {
            self = cause
            return
        }
        if error.code == .bodyInvalid, let cause = error.cause {
            self = S3Error(bodyFailure: cause)
            return
        }
        let (code, message): (Code, String?) = Self.row(error.code)
        self = S3Error(code, message, Self.elements(error.code, subject))
        if let marker = error.marker { self.headers = Self.headers(error.code, marker) }
    }

    /// What tells a client that a delete marker is in its way.
    private static func headers(_ code: ClusterError.Code, _ marker: MetMarker) -> [Element] {
        var headers = [
            Element("x-amz-delete-marker", "true"),
            Element("x-amz-version-id", marker.name.description),
        ]
        if code == .versionIsMarker {
            headers.append(Element("Last-Modified", marker.modified.calendarTime.httpDate))
            headers.append(Element("Allow", "DELETE"))
        }
        return headers
    }

    /// A row of the table: the code, and a message if the code's own does not fit.
    static func row(_ code: ClusterError.Code) -> (Code, String?) {
        switch code {
        case .bucketNotFound, .sourceBucketNotFound: (.noSuchBucket, nil)
        case .bucketAlreadyOwned: (.bucketAlreadyOwnedByYou, nil)
        case .bucketNotEmpty: (.bucketNotEmpty, nil)
        case .objectNotFound, .sourceNotFound: (.noSuchKey, nil)
        case .versionNotFound: (.noSuchVersion, nil)
        case .versionIsMarker: (.methodNotAllowed, nil)
        case .sourceIsMarker:
            (
                .invalidRequest,
                "The source of a copy request may not specifically refer to a delete marker by "
                    + "version id."
            )
        case .preconditionFailed, .sourcePreconditionFailed: (.preconditionFailed, nil)
        case .entityTooLarge: (.entityTooLarge, nil)
        case .tooManyVersions:
            (
                .invalidRequest,
                "The key has as many versions as it may have. Delete some of them for good."
            )
        case .bucketKeepsVersions:
            (
                .notImplemented,
                "RenameObject is not implemented for buckets that keep versions, or did."
            )
        case .busy: (.slowDown, nil)
        case .uploadNotFound: (.noSuchUpload, nil)
        case .tooManyUploads:
            (.invalidRequest, "Too many uploads of this key are open. Complete or abort some.")
        case .uploadConflict:
            (
                .conditionalRequestConflict,
                "Another list of parts of this upload is being put together. Please try again "
                    + "with that one."
            )
        case .tooFragmented:
            (.invalidRequest, "The parts consist of too many pieces of other objects.")
        case .bodyInvalid: (.incompleteBody, nil)
        case .versionGone:
            (.serviceUnavailable, "The object was changed while it was read. Please try again.")
        case .quorumUnavailable:
            (.serviceUnavailable, "Too few nodes answered; nothing was changed. Please try again.")
        case .cancelled:
            (.serviceUnavailable, "The copy was given up; nothing was changed. Please try again.")
        case .notReady: (.serviceUnavailable, "The cluster is starting. Please try again.")
        case .storageFull:
            (
                .slowDown,
                "Too few nodes have room left; nothing was changed. Please try again later."
            )
        case .outcomeUnknown:
            (
                .internalError,
                "We encountered an internal error: nobody knows whether the change was made. "
                    + "Please try again."
            )
        case .dataUnavailable, .internalError: (.internalError, nil)
        }
    }

    private static func elements(_ code: ClusterError.Code, _ subject: ErrorSubject) -> [Element] {
        switch code {
        case .bucketNotFound, .bucketAlreadyOwned, .bucketNotEmpty:
            subject.bucket.map { [Element("BucketName", $0)] } ?? []
        case .sourceBucketNotFound:
            subject.source.map { [Element("BucketName", $0.bucket.text)] } ?? []
        case .objectNotFound: subject.key.map { [Element("Key", $0)] } ?? []
        case .sourceNotFound: subject.source.map { [Element("Key", $0.key.description)] } ?? []
        case .versionNotFound:
            Self.elements(
                ("Key", subject.source?.key.description ?? subject.key),
                ("VersionId", subject.source?.version ?? subject.version)
            )
        case .versionIsMarker:
            Self.elements(("Method", subject.method), ("ResourceType", "DeleteMarker"))
        case .uploadNotFound: subject.upload.map { [Element("UploadId", $0)] } ?? []
        case .preconditionFailed: subject.condition.map { [Element("Condition", $0)] } ?? []
        default: []
        }
    }

    private static func elements(_ pairs: (name: String, value: String?)...) -> [Element] {
        pairs.compactMap { pair in pair.value.map { Element(pair.name, $0) } }
    }

    /// Why a body could not be read to its end.
    init(bodyFailure error: any Error) {
        switch error {
        case let error as S3Error: self = error
        case ConnectionEnd.bodyTooSlow: self = S3Error(.requestTimeout)
        case ConnectionEnd.malformed: self = S3Error(.badRequest)
        default: self = S3Error(.incompleteBody)
        }
    }

    /// Whether the client is asked to come back a little later.
    var isOverload: Bool { self.code.status == 503 }
}
