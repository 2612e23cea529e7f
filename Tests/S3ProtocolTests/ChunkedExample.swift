import S3Protocol
import Testing

/// Amazon's example of an upload in chunks: 66,560 times `a`.
struct ChunkedExample {
    let payload: PayloadHash
    let seed: String
    /// Of each chunk, and of the trailer behind them.
    let signatures: [String]
    let trailers: [String]

    static let content = [UInt8](repeating: 0x61, count: 66_560)

    static let signed = Self(
        payload: .signedChunks(trailer: false),
        seed: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        signatures: [
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ],
        trailers: []
    )

    static let withTrailer = Self(
        payload: .signedChunks(trailer: true),
        seed: "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
        signatures: [
            "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
            "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
            "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
            "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435",
        ],
        trailers: ["x-amz-checksum-crc32c"]
    )

    /// The proof of the request's own signature, as Amazon prints it.
    func verified() throws -> Verified {
        var headers = [
            HeaderField("host", "s3.amazonaws.com"),
            HeaderField("content-encoding", "aws-chunked"),
            HeaderField("x-amz-content-sha256", self.payload.text),
            HeaderField("x-amz-date", "20130524T000000Z"),
            HeaderField("x-amz-decoded-content-length", "66560"),
            HeaderField("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ]
        if self.trailers.isEmpty {
            headers.append(HeaderField("content-length", "66824"))
        } else {
            headers.append(HeaderField("x-amz-trailer", self.trailers[0]))
        }
        let names = headers.map(\.name).sorted().joined(separator: ";")
        headers.append(
            HeaderField(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=\(AmazonExample.accessKey)/\(AmazonExample.scope),"
                    + "SignedHeaders=\(names),Signature=\(self.seed)"
            )
        )
        let request = SignableRequest(
            method: "PUT",
            target: try RequestTarget(parsing: "/examplebucket/chunkObject.txt"),
            headers: headers
        )
        let claim = try #require(try SignatureClaim.find(in: request))
        return try claim.verify(request, with: AmazonExample.key, at: AmazonExample.time)
    }

    /// The body on the wire.
    func body() -> [UInt8] {
        func line(_ size: String, _ index: Int) -> [UInt8] {
            Array("\(size);chunk-signature=\(self.signatures[index])\r\n".utf8)
        }
        var body = line("10000", 0) + Self.content[..<65_536] + Array("\r\n".utf8)
        body += line("400", 1) + Self.content[65_536...] + Array("\r\n".utf8)
        body += line("0", 2)
        if !self.trailers.isEmpty {
            body += Array("x-amz-checksum-crc32c:sOO8/Q==\r\n".utf8)
            body += Array("x-amz-trailer-signature:\(self.signatures[3])\r\n".utf8)
        }
        return body + Array("\r\n".utf8)
    }
}
