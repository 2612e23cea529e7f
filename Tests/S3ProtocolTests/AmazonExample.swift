import S3Protocol
import Testing

/// The worked examples of Amazon's documentation of Signature Version 4 for S3.
///
/// Source: S3 API Reference, "Authenticating Requests: Using the Authorization Header", "Using
/// Query Parameters" and "Transferring Payload in Multiple Chunks".
struct AmazonExample: Sendable, CustomTestStringConvertible {
    static let accessKey = "AKIAIOSFODNN7EXAMPLE"
    static let secret = SecretKey("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    static let time = CalendarTime(seconds: 1_369_353_600)
    static let scope = CredentialScope(date: "20130524", region: "us-east-1")
    static let host = HeaderField("host", "examplebucket.s3.amazonaws.com")

    let name: String
    let method: String
    let target: String
    var headers = [Self.host]
    var body = ""
    let signature: String

    var testDescription: String { self.name }

    static let all = [
        Self(
            name: "GET object, range",
            method: "GET",
            target: "/test.txt",
            headers: [Self.host, HeaderField("Range", "bytes=0-9")],
            signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        ),
        Self(
            name: "PUT object, '$' in the key",
            method: "PUT",
            target: "/test$file.text",
            headers: [
                Self.host, HeaderField("Date", "Fri, 24 May 2013 00:00:00 GMT"),
                HeaderField("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
            body: "Welcome to Amazon S3.",
            signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        ),
        Self(
            name: "GET bucket lifecycle",
            method: "GET",
            target: "/?lifecycle",
            signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        ),
        Self(
            name: "GET bucket, list",
            method: "GET",
            target: "/?max-keys=2&prefix=J",
            signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        ),
    ]

    static let signer = RequestSigner(
        accessKey: Self.accessKey,
        secret: Self.secret,
        region: "us-east-1"
    )

    static let key = SigningKey(Self.secret, Self.scope)

    /// The request as it would arrive, signed by our own signer.
    func signed() throws -> SignableRequest {
        let target = try RequestTarget(parsing: self.target)
        return SignableRequest(
            method: self.method,
            target: target,
            headers: Self.signer.signed(
                method: self.method,
                target: target,
                headers: self.headers,
                payload: PayloadHash(of: Array(self.body.utf8)),
                at: Self.time
            )
        )
    }
}
