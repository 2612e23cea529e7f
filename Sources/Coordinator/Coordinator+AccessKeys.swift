package import Content
import Register
package import StoreModel

/// Keeps the access keys that are made while the cluster runs.
package protocol AccessKeyStore: Sendable {
    /// All of them, in the order of their ids, as they were at some instant during the call.
    func accessKeys() async throws(ClusterError) -> [AccessKey]
    /// Makes the change, or says why not; the time of a key's creation is filled in.
    ///
    /// Whoever reads the keys after this has returned sees it.
    func change(
        _ change: AccessKeysChange
    ) async throws(ClusterError) -> AccessKeysChange.Outcome
}

extension Coordinator: AccessKeyStore {
    package func accessKeys() async throws(ClusterError) -> [AccessKey] {
        let operation = "read the access keys"
        guard let body = try await self.read(.accessKeys, operation).body else { return [] }
        do throws(RecordError) {
            return try AccessKeysRecord(decoding: body).keys
        } catch { throw ClusterError(.internalError, operation, cause: error) }
    }

    package func change(
        _ change: AccessKeysChange
    ) async throws(ClusterError) -> AccessKeysChange.Outcome {
        var (change, operation) = (change, "")
        switch change {
        case .create(var key):
            key.created = self.ballots.now()
            change = .create(key)
            operation = "create access key \(key.id)"
        case .delete(let id): operation = "delete access key \(id)"
        }
        return try await self.writer.change(.accessKeys, change, operation).outcome
    }
}
