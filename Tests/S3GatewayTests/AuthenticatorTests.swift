import S3Protocol
import Testing

@testable import S3Gateway

/// What telling a known key from an unknown one costs.
struct AuthenticatorTests {
    private static let credentials: FixedCredentials = {
        let root = Owner(id: "root", displayName: "root", account: "1", isRoot: true)
        return FixedCredentials(
            root: root,
            ["known": Credential(secret: SecretKey("secret"), owner: root)]
        )
    }()

    @Test("For an unknown key a signing key is derived and compared with, as for a known one")
    func unknownKey() async throws {
        let time = CalendarTime(seconds: 1_700_000_000)
        let target = try RequestTarget(parsing: "/photos/cat.jpg")
        for (accessKey, code) in [
            ("known", S3Error.Code.signatureDoesNotMatch), ("unknown", .invalidAccessKeyId),
        ] {
            let authenticator = S3Authenticator(credentials: Self.credentials, region: nil)
            let signer = RequestSigner(
                accessKey: accessKey,
                secret: SecretKey("another"),
                region: "us-east-1"
            )
            let request = SignableRequest(
                method: "GET",
                target: target,
                headers: signer.signed(
                    method: "GET",
                    target: target,
                    headers: [HeaderField("host", "localhost")],
                    payload: .unsigned,
                    at: time
                )
            )
            let error = await #expect(throws: S3Error.self) {
                _ = try await authenticator.authenticate(request, at: time)
            }
            #expect(error?.code == code)
            #expect(authenticator.cache.count == 1, "\(accessKey): a key was derived")
        }
    }
}
