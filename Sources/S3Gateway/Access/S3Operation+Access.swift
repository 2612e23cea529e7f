import S3Protocol
import StoreModel

extension S3Operation {
    /// Whose list says who may do it.
    enum Authority: Hashable, Sendable {
        case everybody
        /// Everybody with a valid signature may.
        case anyUser
        /// The bucket's list, by this permission.
        case bucket(Permission)
        /// The bucket's owner may.
        case bucketOwner
        /// The object's own list, by this permission.
        case object(Permission)
    }

    /// What the operation is called in policies, and who may do it where no policy says otherwise.
    ///
    /// Source: S3 User Guide, "Actions, resources, and condition keys" and "Mapping of ACL
    /// permissions and access policy permissions".
    func access(
        _ request: S3Request,
        hasVersion: Bool
    ) -> (action: String, authority: Authority) {
        switch self {
        case .listBuckets: ("s3:ListAllMyBuckets", .anyUser)
        case .createBucket: ("s3:CreateBucket", .anyUser)
        case .headBucket, .listObjects, .listObjectsV2: ("s3:ListBucket", .bucket(.read))
        case .deleteBucket: ("s3:DeleteBucket", .bucketOwner)
        case .getBucketLocation: ("s3:GetBucketLocation", .bucket(.read))
        case .getBucketAcl: ("s3:GetBucketAcl", .bucket(.readAccess))
        case .putBucketAcl: ("s3:PutBucketAcl", .bucket(.writeAccess))
        case .getBucketVersioning: ("s3:GetBucketVersioning", .bucketOwner)
        case .putBucketVersioning: ("s3:PutBucketVersioning", .bucketOwner)
        case .listObjectVersions: ("s3:ListBucketVersions", .bucket(.read))
        case .getBucketConfiguration: ("s3:Get\(Self.setting(request))", .bucketOwner)
        case .setBucketConfiguration: ("s3:Put\(Self.setting(request))", .bucketOwner)
        case .deleteBucketConfiguration:
            request.bucketDocument == .policy
                ? ("s3:DeleteBucketPolicy", .bucketOwner)
                : ("s3:Put\(Self.setting(request))", .bucketOwner)
        case .preflight: ("s3:Preflight", .everybody)
        // Who sends a form stands in the form: it is judged as the PutObject that it becomes.
        case .postObject: ("s3:PutObject", .everybody)
        case .deleteObjects, .deleteObject:
            (hasVersion ? "s3:DeleteObjectVersion" : "s3:DeleteObject", .bucket(.write))
        case .putObject, .copyObject, .renameObject, .createMultipartUpload, .uploadPart,
            .uploadPartCopy,
            .completeMultipartUpload:
            ("s3:PutObject", .bucket(.write))
        case .abortMultipartUpload: ("s3:AbortMultipartUpload", .bucket(.write))
        case .listParts: ("s3:ListMultipartUploadParts", .bucket(.write))
        case .listMultipartUploads: ("s3:ListBucketMultipartUploads", .bucket(.read))
        case .getObject, .headObject:
            (hasVersion ? "s3:GetObjectVersion" : "s3:GetObject", .object(.read))
        case .getObjectAcl:
            (hasVersion ? "s3:GetObjectVersionAcl" : "s3:GetObjectAcl", .object(.readAccess))
        case .putObjectAcl:
            (hasVersion ? "s3:PutObjectVersionAcl" : "s3:PutObjectAcl", .object(.writeAccess))
        case .getObjectAttributes:
            (
                hasVersion ? "s3:GetObjectVersionAttributes" : "s3:GetObjectAttributes",
                .object(.read)
            )
        case .getObjectTagging:
            (hasVersion ? "s3:GetObjectVersionTagging" : "s3:GetObjectTagging", .object(.read))
        case .putObjectTagging:
            (hasVersion ? "s3:PutObjectVersionTagging" : "s3:PutObjectTagging", .object(.write))
        case .deleteObjectTagging:
            (
                hasVersion ? "s3:DeleteObjectVersionTagging" : "s3:DeleteObjectTagging",
                .object(.write)
            )
        }
    }

    private static let settings: [String: String] = [
        "accelerate": "AccelerateConfiguration", "cors": "BucketCORS",
        "encryption": "EncryptionConfiguration", "lifecycle": "LifecycleConfiguration",
        "logging": "BucketLogging", "notification": "BucketNotification",
        "object-lock": "BucketObjectLockConfiguration",
        "ownershipControls": "BucketOwnershipControls", "policy": "BucketPolicy",
        "policyStatus": "BucketPolicyStatus", "publicAccessBlock": "BucketPublicAccessBlock",
        "replication": "ReplicationConfiguration", "requestPayment": "BucketRequestPayment",
        "tagging": "BucketTagging",
        "website": "BucketWebsite",
    ]

    private static func setting(_ request: S3Request) -> String {
        request.target.query.lazy.compactMap { Self.settings[$0.name] }.first
            ?? "BucketConfiguration"
    }
}
