import Crypto

/// The secret that all nodes of a cluster share.
///
/// Never printed.
package struct ClusterSecret: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    /// Fewest bytes of a secret.
    package static let byteCountMin = 16

    private let key: SymmetricKey

    /// - Returns: nil if `text` is shorter than ``byteCountMin`` bytes of UTF-8.
    package init?(_ text: String) {
        guard text.utf8.count >= Self.byteCountMin else { return nil }
        self.key = SymmetricKey(data: Array(text.utf8))
    }

    package var description: String { "ClusterSecret(hidden)" }
    package var debugDescription: String { self.description }

    /// The key by which the nodes of the cluster `name` prove themselves.
    ///
    /// The name goes into the key: two clusters with one secret and different names stay apart.
    func handshakeKey(cluster name: String) -> SymmetricKey {
        var code = HMAC<SHA256>(key: self.key)
        code.update(data: Array("triolet handshake 1".utf8))
        code.update(data: Array(name.utf8))
        return SymmetricKey(data: Array(code.finalize()))
    }
}
