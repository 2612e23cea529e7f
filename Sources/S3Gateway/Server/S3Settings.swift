import StoreModel

/// How the gateway presents itself.
package struct S3Settings: Sendable {
    /// What `GetBucketLocation` answers.
    package var region = "us-east-1"
    /// Whether signatures and buckets may name other regions.
    package var acceptsAnyRegion = true
    /// Hosts in front of which a bucket may stand (`photos.s3.example.com`), in lower case.
    package var domains = ["localhost"]
    /// Largest source of a copy, in bytes.
    package var copyBytesMax = Limit.objectBytes
    /// The `Server` header.
    package var serverName = "Triolet"
    /// How long a copy may take before its answer is begun.
    package var lateAnswerDelay: Duration = .seconds(3)
    /// Between two signs of life of an answer that was begun early.
    package var lateAnswerInterval: Duration = .seconds(5)
    package var limits = HTTPLimits()

    package init() {}
}
