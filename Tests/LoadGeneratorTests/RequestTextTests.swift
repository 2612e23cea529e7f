import S3Protocol
import Testing

@testable import LoadGenerator

struct RequestTextTests {
    private let identity = LoadIdentity(
        accessKey: "AKIDEXAMPLE",
        secret: SecretKey("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        region: "us-east-1"
    )

    private func lines(_ request: LoadRequest, at second: Int64) -> [String] {
        var text = RequestText(self.identity, host: "127.0.0.1:7330")
        let head = String(decoding: text.head(request, at: second), as: UTF8.self)
        #expect(head.hasSuffix("\r\n\r\n"))
        return head.split(separator: "\r\n").map(String.init)
    }

    @Test("Requests are signed as the store's own signer signs them, also a day later")
    func signature() throws {
        var request = LoadRequest(method: "PUT", path: "/bench/copy/1", bodyBytes: 0)
        request.query = "partNumber=2&uploadId=a%2Fb"
        request.headers = [(name: "x-amz-copy-source", value: "/bench/put/1")]
        var text = RequestText(self.identity, host: "127.0.0.1:7330")
        for second: Int64 in [1_800_000_000, 1_800_000_001, 1_800_086_400] {
            let lines = String(decoding: text.head(request, at: second), as: UTF8.self)
                .split(separator: "\r\n").map(String.init)
            let signed = RequestSigner(
                accessKey: self.identity.accessKey,
                secret: self.identity.secret,
                region: self.identity.region
            ).signed(
                method: "PUT",
                target: try RequestTarget(parsing: "/bench/copy/1?partNumber=2&uploadId=a%2Fb"),
                headers: [
                    HeaderField("host", "127.0.0.1:7330"),
                    HeaderField("x-amz-copy-source", "/bench/put/1"),
                ],
                payload: .unsigned,
                at: CalendarTime(seconds: second)
            )
            let authorization = try #require(signed.first { $0.name == "authorization" })
            #expect(lines.contains("authorization: \(authorization.value)"))
        }
    }

    @Test("Only headers whose names begin with x-amz- are signed beside the host")
    func unsigned() {
        var request = LoadRequest(method: "PUT", path: "/bench/copy/1", bodyBytes: 0)
        request.headers = [(name: "x-triolet-copy-mode", value: "independent")]
        let lines = self.lines(request, at: 1_800_000_000)
        #expect(lines.first == "PUT /bench/copy/1 HTTP/1.1")
        #expect(lines.contains("x-triolet-copy-mode: independent"))
        #expect(lines.contains("content-length: 0"))
        let authorization = lines.first { $0.hasPrefix("authorization:") } ?? ""
        #expect(
            authorization.contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date,"),
            "\(authorization)"
        )
    }
}
