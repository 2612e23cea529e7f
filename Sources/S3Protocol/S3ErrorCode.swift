extension S3Error {
    /// The codes this server uses; the raw value goes over the wire.
    package enum Code: String, Hashable, Sendable, CaseIterable {
        case accessDenied = "AccessDenied"
        case accessForbidden = "AccessForbidden"
        case accessControlListNotSupported = "AccessControlListNotSupported"
        case authorizationHeaderMalformed = "AuthorizationHeaderMalformed"
        case authorizationQueryParametersError = "AuthorizationQueryParametersError"
        case badDigest = "BadDigest"
        case badRequest = "BadRequest"
        case bucketAlreadyExists = "BucketAlreadyExists"
        case bucketAlreadyOwnedByYou = "BucketAlreadyOwnedByYou"
        case bucketNotEmpty = "BucketNotEmpty"
        case conditionalRequestConflict = "ConditionalRequestConflict"
        case entityTooLarge = "EntityTooLarge"
        case entityTooSmall = "EntityTooSmall"
        case illegalLocationConstraint = "IllegalLocationConstraintException"
        case illegalVersioningConfiguration = "IllegalVersioningConfigurationException"
        case incompleteBody = "IncompleteBody"
        case internalError = "InternalError"
        case invalidAccessKeyId = "InvalidAccessKeyId"
        case invalidArgument = "InvalidArgument"
        case invalidBucketAclWithObjectOwnership = "InvalidBucketAclWithObjectOwnership"
        case invalidBucketName = "InvalidBucketName"
        case invalidBucketOwner = "InvalidBucketOwnerAWSAccountID"
        case invalidDigest = "InvalidDigest"
        case invalidPart = "InvalidPart"
        case invalidPartNumber = "InvalidPartNumber"
        case invalidPartOrder = "InvalidPartOrder"
        case invalidPolicyDocument = "InvalidPolicyDocument"
        case invalidRange = "InvalidRange"
        case invalidRedirectLocation = "InvalidRedirectLocation"
        case invalidRequest = "InvalidRequest"
        case invalidStorageClass = "InvalidStorageClass"
        case invalidTag = "InvalidTag"
        case invalidURI = "InvalidURI"
        case keyTooLong = "KeyTooLongError"
        case malformedACLError = "MalformedACLError"
        case malformedPolicy = "MalformedPolicy"
        case malformedPOSTRequest = "MalformedPOSTRequest"
        case malformedXML = "MalformedXML"
        case malformedTrailer = "MalformedTrailerError"
        case maxMessageLengthExceeded = "MaxMessageLengthExceeded"
        case maxPostPreDataLengthExceeded = "MaxPostPreDataLengthExceeded"
        case metadataTooLarge = "MetadataTooLarge"
        case methodNotAllowed = "MethodNotAllowed"
        case missingContentLength = "MissingContentLength"
        case missingRequestBody = "MissingRequestBodyError"
        case missingSecurityHeader = "MissingSecurityHeader"
        case noSuchBucket = "NoSuchBucket"
        case noSuchBucketPolicy = "NoSuchBucketPolicy"
        case noSuchCORSConfiguration = "NoSuchCORSConfiguration"
        case noSuchKey = "NoSuchKey"
        case noSuchLifecycleConfiguration = "NoSuchLifecycleConfiguration"
        case noSuchPublicAccessBlock = "NoSuchPublicAccessBlockConfiguration"
        case noSuchTagSet = "NoSuchTagSet"
        case noSuchUpload = "NoSuchUpload"
        case noSuchVersion = "NoSuchVersion"
        case noSuchWebsiteConfiguration = "NoSuchWebsiteConfiguration"
        case notImplemented = "NotImplemented"
        case notModified = "NotModified"
        case objectLockConfigurationNotFound = "ObjectLockConfigurationNotFoundError"
        case ownershipControlsNotFound = "OwnershipControlsNotFoundError"
        case preconditionFailed = "PreconditionFailed"
        case replicationConfigurationNotFound = "ReplicationConfigurationNotFoundError"
        case requestHeaderSectionTooLarge = "RequestHeaderSectionTooLarge"
        case requestTimeTooSkewed = "RequestTimeTooSkewed"
        case requestTimeout = "RequestTimeout"
        case encryptionConfigurationNotFound = "ServerSideEncryptionConfigurationNotFoundError"
        case serviceUnavailable = "ServiceUnavailable"
        case signatureDoesNotMatch = "SignatureDoesNotMatch"
        case slowDown = "SlowDown"
        case unresolvableGrantByEmailAddress = "UnresolvableGrantByEmailAddress"
        case contentSHA256Mismatch = "XAmzContentSHA256Mismatch"

        /// Of the answer, where the head has not been sent.
        package var status: Int {
            switch self {
            case .notModified: 304
            case .accessDenied, .accessForbidden, .invalidAccessKeyId, .requestTimeTooSkewed,
                .signatureDoesNotMatch:
                403
            case .noSuchBucket, .noSuchBucketPolicy, .noSuchCORSConfiguration, .noSuchKey,
                .noSuchLifecycleConfiguration, .noSuchPublicAccessBlock, .noSuchTagSet,
                .noSuchUpload, .noSuchVersion, .noSuchWebsiteConfiguration,
                .objectLockConfigurationNotFound, .ownershipControlsNotFound,
                .replicationConfigurationNotFound, .encryptionConfigurationNotFound:
                404
            case .methodNotAllowed: 405
            case .bucketAlreadyExists, .bucketAlreadyOwnedByYou, .bucketNotEmpty,
                .conditionalRequestConflict:
                409
            case .missingContentLength: 411
            case .preconditionFailed: 412
            case .invalidPartNumber, .invalidRange: 416
            case .internalError: 500
            case .notImplemented: 501
            case .serviceUnavailable, .slowDown: 503
            default: 400
            }
        }

        /// What is said unless the place that found the error knows better.
        package var message: String {
            switch self {
            case .accessDenied: "Access Denied"
            case .accessForbidden: "Access Forbidden"
            case .accessControlListNotSupported: "The bucket does not allow ACLs"
            case .authorizationHeaderMalformed:
                "The authorization header that you provided is not valid."
            case .authorizationQueryParametersError:
                "The authorization query parameters that you provided are not valid."
            case .badDigest:
                "The Content-MD5 or checksum value that you specified did not match what the "
                    + "server received."
            case .badRequest: "Bad Request"
            case .bucketAlreadyExists: "The requested bucket name is not available."
            case .bucketAlreadyOwnedByYou:
                "Your previous request to create the named bucket succeeded and you already own it."
            case .bucketNotEmpty: "The bucket you tried to delete is not empty"
            case .conditionalRequestConflict:
                "The conditional request cannot succeed due to a conflicting operation against "
                    + "this resource."
            case .entityTooLarge:
                "Your proposed upload exceeds the maximum allowed object size."
            case .entityTooSmall:
                "Your proposed upload is smaller than the minimum allowed size"
            case .illegalLocationConstraint:
                "The specified location constraint is incompatible with the region of this "
                    + "endpoint."
            case .illegalVersioningConfiguration: "The Versioning element must be specified"
            case .incompleteBody:
                "You did not provide the number of bytes specified by the Content-Length HTTP "
                    + "header"
            case .internalError: "We encountered an internal error. Please try again."
            case .invalidAccessKeyId:
                "The AWS Access Key Id you provided does not exist in our records."
            case .invalidArgument: "Invalid Argument"
            case .invalidBucketAclWithObjectOwnership:
                "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
            case .invalidBucketName: "The specified bucket is not valid."
            case .invalidBucketOwner:
                "The value of the expected bucket owner parameter must be an AWS Account ID"
            case .invalidDigest: "The Content-MD5 you specified was invalid."
            case .invalidPart:
                "One or more of the specified parts could not be found.  The part may not have "
                    + "been uploaded, or the specified entity tag may not match the part's entity "
                    + "tag."
            case .invalidPartNumber: "The requested partnumber is not satisfiable"
            case .invalidPartOrder:
                "The list of parts was not in ascending order. Parts must be ordered by part "
                    + "number."
            case .invalidPolicyDocument:
                "The content of the form does not meet the conditions specified in the policy "
                    + "document."
            case .invalidRange: "The requested range is not satisfiable"
            case .invalidRedirectLocation:
                "The website redirect location must have a prefix of 'http://' or 'https://' or "
                    + "'/'."
            case .invalidRequest: "Invalid Request"
            case .invalidStorageClass: "The storage class you specified is not valid"
            case .invalidTag: "The TagKey you have provided is invalid"
            case .invalidURI: "Couldn't parse the specified URI."
            case .keyTooLong: "Your key is too long"
            case .malformedACLError:
                "The XML you provided was not well-formed or did not validate against our "
                    + "published schema"
            case .malformedPolicy: "Policies must be valid JSON and the first byte must be '{'"
            case .malformedPOSTRequest:
                "The body of your POST request is not well-formed multipart/form-data."
            case .malformedXML:
                "The XML you provided was not well-formed or did not validate against our "
                    + "published schema"
            case .malformedTrailer:
                "The request contained trailing data that was not well-formed or did not conform "
                    + "to our published schema."
            case .maxMessageLengthExceeded: "Your request was too big."
            case .maxPostPreDataLengthExceeded:
                "Your POST request fields preceding the upload file were too large."
            case .metadataTooLarge:
                "Your metadata headers exceed the maximum allowed metadata size"
            case .methodNotAllowed: "The specified method is not allowed against this resource."
            case .missingContentLength: "You must provide the Content-Length HTTP header."
            case .missingRequestBody: "Request body is empty."
            case .missingSecurityHeader: "Your request was missing a required header"
            case .noSuchBucket: "The specified bucket does not exist"
            case .noSuchBucketPolicy: "The bucket policy does not exist"
            case .noSuchCORSConfiguration: "The CORS configuration does not exist"
            case .noSuchKey: "The specified key does not exist."
            case .noSuchLifecycleConfiguration: "The lifecycle configuration does not exist"
            case .noSuchPublicAccessBlock: "The public access block configuration was not found"
            case .noSuchTagSet: "The TagSet does not exist"
            case .noSuchUpload:
                "The specified upload does not exist. The upload ID may be invalid, or the upload "
                    + "may have been aborted or completed."
            case .noSuchVersion: "The specified version does not exist."
            case .noSuchWebsiteConfiguration:
                "The specified bucket does not have a website configuration"
            case .notImplemented: "A header or operation you used is not implemented."
            case .notModified: "Not Modified"
            case .objectLockConfigurationNotFound:
                "Object Lock configuration does not exist for this bucket"
            case .ownershipControlsNotFound: "The bucket ownership controls were not found"
            case .preconditionFailed:
                "At least one of the pre-conditions you specified did not hold"
            case .replicationConfigurationNotFound:
                "The replication configuration was not found"
            case .requestHeaderSectionTooLarge:
                "Your request header section exceeds the maximum allowed request header section "
                    + "size."
            case .requestTimeTooSkewed:
                "The difference between the request time and the current time is too large."
            case .requestTimeout:
                "Your socket connection to the server was not read from or written to within the "
                    + "timeout period."
            case .encryptionConfigurationNotFound:
                "The server side encryption configuration was not found"
            case .serviceUnavailable: "Please reduce your request rate."
            case .signatureDoesNotMatch:
                "The request signature we calculated does not match the signature you provided. "
                    + "Check your key and signing method."
            case .slowDown: "Please reduce your request rate."
            case .unresolvableGrantByEmailAddress:
                "The email address you provided does not match any account on record."
            case .contentSHA256Mismatch:
                "The provided 'x-amz-content-sha256' header does not match what was computed."
            }
        }
    }
}
