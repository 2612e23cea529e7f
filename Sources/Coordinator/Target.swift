import StoreModel

/// Where an operation writes: the register of a key, or of a part of an upload, and the bucket as
/// the operation found it.
struct Target: Sendable {
    let name: ObjectName
    let bucket: BucketRecord
    let key: RegisterKey

    init(name: ObjectName, bucket: BucketRecord) {
        self.name = name
        self.bucket = bucket
        self.key = .object(bucket.id, name.key)
    }

    private init(_ object: Target, key: RegisterKey) {
        self.name = object.name
        self.bucket = object.bucket
        self.key = key
    }

    /// The register of a part of an upload of the object.
    func part(_ number: PartNumber, of upload: UploadID) -> Target {
        Target(self, key: .part(self.bucket.id, self.name.key, upload, number))
    }
}

/// Runs `body` and keeps what it throws, for tasks whose errors are looked at later.
func outcome<Value: Sendable>(
    of body: () async throws(ClusterError) -> Value
) async -> Result<Value, ClusterError> {
    do throws(ClusterError) { return .success(try await body()) } catch { return .failure(error) }
}
