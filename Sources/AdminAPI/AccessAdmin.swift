/// Who may do what, as the admin port shows and changes it.
///
/// Keys are named by their ids, or the first characters of them; four at least.
package protocol AccessAdmin: Sendable {
    func keys() async throws(AdminRefusal) -> KeyList
    /// The key, with what its user has been granted.
    func key(_ name: String) async throws(AdminRefusal) -> KeyReport
    func createKey(_ request: KeyRequest) async throws(AdminRefusal) -> NewKey
    /// The key that is gone.
    func deleteKey(_ name: String) async throws(AdminRefusal) -> KeyReport
    /// Changes what the key's user may do with a bucket, and says what that is now.
    func change(_ change: GrantChange) async throws(AdminRefusal) -> GrantReport
    func buckets() async throws(AdminRefusal) -> BucketList
    func bucket(_ name: String) async throws(AdminRefusal) -> BucketReport
    func createBucket(_ request: BucketRequest) async throws(AdminRefusal) -> BucketReport
    func deleteBucket(_ name: String) async throws(AdminRefusal)
}
