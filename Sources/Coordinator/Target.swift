import StoreModel

/// Where an operation writes: the register of a key, and the bucket as the operation found it.
struct Target: Sendable {
    let name: ObjectName
    let bucket: BucketRecord

    var key: RegisterKey { .object(self.bucket.id, self.name.key) }
}

/// Runs `body` and keeps what it throws, for tasks whose errors are looked at later.
func outcome<Value: Sendable>(
    of body: () async throws(ClusterError) -> Value
) async -> Result<Value, ClusterError> {
    do throws(ClusterError) { return .success(try await body()) } catch { return .failure(error) }
}
