import S3Protocol

/// What buckets answer when they are asked for settings that nobody made.
///
/// Tools ask for all of them before they do anything.
enum BucketConfiguration {
    enum Answer {
        case missing(S3Error.Code)
        /// Set, to what every bucket has: the root element, and an element in it.
        case value(root: String, element: (name: String, text: String)?)
    }

    static let answers: [String: Answer] = [
        "accelerate": .value(root: "AccelerateConfiguration", element: nil),
        "cors": .missing(.noSuchCORSConfiguration),
        "encryption": .missing(.encryptionConfigurationNotFound),
        "lifecycle": .missing(.noSuchLifecycleConfiguration),
        "logging": .value(root: "BucketLoggingStatus", element: nil),
        "notification": .value(root: "NotificationConfiguration", element: nil),
        "object-lock": .missing(.objectLockConfigurationNotFound),
        "ownershipControls": .missing(.ownershipControlsNotFound),
        "policy": .missing(.noSuchBucketPolicy),
        "policyStatus": .missing(.noSuchBucketPolicy),
        "publicAccessBlock": .missing(.noSuchPublicAccessBlock),
        "replication": .missing(.replicationConfigurationNotFound),
        "requestPayment": .value(
            root: "RequestPaymentConfiguration",
            element: ("Payer", "BucketOwner")
        ),
        "tagging": .missing(.noSuchTagSet),
        "website": .missing(.noSuchWebsiteConfiguration),
    ]
}
