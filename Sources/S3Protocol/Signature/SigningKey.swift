package import Crypto
import StoreModel

/// What a secret key becomes for one day and region.
///
/// Deriving it costs four HMACs; a gateway keeps it.
/// Source: AWS, "Signature Version 4", "Calculate the signature".
package struct SigningKey: Sendable, CustomStringConvertible, CustomReflectable {
    private let key: SymmetricKey
    package let scope: CredentialScope

    package init(_ secret: SecretKey, _ scope: CredentialScope) {
        func step(_ key: [UInt8], _ text: String) -> [UInt8] {
            Array(
                HMAC<SHA256>.authenticationCode(
                    for: Array(text.utf8),
                    using: SymmetricKey(data: key)
                )
            )
        }
        var key = step(Array("AWS4".utf8) + secret.bytes, scope.date)
        key = step(key, scope.region)
        key = step(key, CredentialScope.service)
        self.key = SymmetricKey(data: step(key, CredentialScope.terminator))
        self.scope = scope
    }

    /// The signature of a text that was put together as the signature version asks.
    package func sign(_ text: String) -> HMAC<SHA256>.MAC {
        HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: self.key)
    }

    /// Compares in constant time.
    func isSignature(_ signature: [UInt8], of text: String) -> Bool {
        HMAC<SHA256>.isValidAuthenticationCode(
            signature,
            authenticating: Array(text.utf8),
            using: self.key
        )
    }

    package var description: String { "<signing key>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// SHA-256 in hexadecimal digits.
func sha256Text(_ bytes: [UInt8]) -> String { Hexadecimal.text(Array(SHA256.hash(data: bytes))) }
