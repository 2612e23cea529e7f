import S3Protocol
import Synchronization

/// Signing keys of the day, so that a request costs one HMAC instead of five.
final class SigningKeyCache: Sendable {
    /// Most keys kept; the cache begins anew when it is full.
    private static let capacity = 1_024

    private struct Name: Hashable {
        let secret: SecretKey
        let scope: CredentialScope
    }

    private let keys = Mutex<[Name: SigningKey]>([:])

    /// Keys kept at present.
    var count: Int { self.keys.withLock { $0.count } }

    func key(for secret: SecretKey, _ scope: CredentialScope) -> SigningKey {
        let name = Name(secret: secret, scope: scope)
        if let key = self.keys.withLock({ $0[name] }) { return key }
        let key = SigningKey(secret, scope)
        self.keys.withLock { keys in
            if keys.count >= Self.capacity { keys.removeAll() }
            keys[name] = key
        }
        return key
    }
}
