import S3Protocol
import Testing

struct ChunkedUploadTests {
    /// Uploads as new SDKs do over HTTPS.
    private func upload(
        _ server: TestServer,
        _ body: String,
        trailer: String? = "x-amz-checksum-crc32",
        length: String = "11",
        to path: String = "/src/chunked"
    ) async throws -> RawAnswer {
        var headers = [
            ("content-encoding", "aws-chunked"), ("x-amz-decoded-content-length", length),
        ]
        if let trailer { headers.append(("x-amz-trailer", trailer)) }
        let pairs = headers.map { HeaderField($0.0, $0.1) } + [HeaderField("host", server.host)]
        let signer = RequestSigner(
            accessKey: TestServer.accessKey,
            secret: TestServer.secret,
            region: "us-east-1"
        )
        let signed = signer.signed(
            method: "PUT",
            target: try RequestTarget(parsing: path),
            headers: pairs,
            payload: .unsignedChunks,
            at: server.now
        )
        let lines =
            ["PUT \(path) HTTP/1.1"] + signed.map { "\($0.name): \($0.value)" }
            + ["transfer-encoding: chunked"]
        let head = lines.joined(separator: "\r\n") + "\r\n\r\n"
        let size = String(body.utf8.count, radix: 16)
        return try await server.exchange(Array("\(head)\(size)\r\n\(body)\r\n0\r\n\r\n".utf8))
    }

    private func isStored(_ server: TestServer) async throws -> Bool {
        try await server.send("GET", "/src/chunked").body == TestServer.hello
    }

    @Test(
        "Chunks with a checksum behind them are stored without their wrapping",
        arguments: [
            ("crc32", "DUoRhQ=="), ("crc32c", "yZRlqg=="), ("crc64nvme", "jSnVw/bqjr4="),
            ("sha1", "Kq5sNclPz7QV2+lfQIuc6R7oRu0="),
        ]
    )
    func trailer(name: String, value: String) async throws {
        try await TestServer.run { server in
            let name = "x-amz-checksum-\(name)"
            let body = "6\r\nhello \r\n5\r\nworld\r\n0\r\n\(name):\(value)\r\n\r\n"
            let answer = try await self.upload(server, body, trailer: name)
            #expect(answer.status == 200, "\(answer.text)")
            #expect(answer.header(name) == value)
            let stored = try await server.send(
                "GET",
                "/src/chunked",
                ["x-amz-checksum-mode": "ENABLED"]
            )
            #expect(stored.header(name) == value)
            #expect(stored.body == TestServer.hello)
            #expect(stored.header("content-encoding") == nil)
        }
    }

    @Test("A part of an upload comes in chunks with a checksum behind them, too")
    func part() async throws {
        try await TestServer.run { server in
            let upload = try await server.create(
                "/src/chunked",
                ["x-amz-checksum-algorithm": "CRC32"]
            )
            let path = "/src/chunked?partNumber=1&uploadId=\(upload)"
            let wrong = "b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
            #expect(try await self.upload(server, wrong, to: path).code == "BadDigest")
            let right = "b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n"
            let part = try await self.upload(server, right, to: path)
            #expect(part.status == 200 && part.header("x-amz-checksum-crc32") == "DUoRhQ==")
            #expect(part.header("etag") == "\"\(TestServer.helloETag)\"")
            let page = try await server.send("GET", "/src/chunked?uploadId=\(upload)")
            #expect(page.elements("ChecksumCRC32") == ["DUoRhQ=="])
        }
    }

    @Test("Without a trailer nothing is missing")
    func noTrailer() async throws {
        try await TestServer.run { server async throws in
            let body = "b\r\nhello world\r\n0\r\n\r\n"
            #expect(try await self.upload(server, body, trailer: nil).status == 200)
            #expect(try await self.isStored(server))
        }
    }

    @Test(
        "Nothing is stored of an upload that is wrong anywhere",
        arguments: [
            ("b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "11", "BadDigest"),
            ("b\r\nhello world\r\n0\r\n\r\n", "11", "MalformedTrailerError"),
            ("b\r\nhello world\r\n", "11", "IncompleteBody"),
            ("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", "11", "IncompleteBody"),
            (
                "b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n", "9",
                "InvalidRequest"
            ),
            (
                "b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n", "x",
                "InvalidArgument"
            ),
        ]
    )
    func wrong(body: String, length: String, code: String) async throws {
        try await TestServer.run { server async throws in
            #expect(try await self.upload(server, body, length: length).code == code)
            #expect(try await !self.isStored(server))
        }
    }

    @Test(
        "Amazon's example of signed chunks is stored, and not if one byte differs",
        arguments: [false, true]
    )
    func signed(isDamaged: Bool) async throws {
        try await TestServer.run(at: 1_369_353_600) { server in
            let signatures = [
                "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
                "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
                "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
            ]
            let names =
                "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
                + "x-amz-decoded-content-length;x-amz-storage-class"
            let head = [
                "PUT /examplebucket/chunkObject.txt HTTP/1.1", "Host: s3.amazonaws.com",
                "x-amz-date: 20130524T000000Z", "x-amz-storage-class: REDUCED_REDUNDANCY",
                "Authorization: AWS4-HMAC-SHA256 "
                    + "Credential=\(TestServer.accessKey)/20130524/us-east-1/s3/aws4_request,"
                    + "SignedHeaders=\(names),"
                    + "Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
                "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                "Content-Encoding: aws-chunked", "x-amz-decoded-content-length: 66560",
                "Content-Length: 66824", "", "",
            ]
            var bytes = Array(head.joined(separator: "\r\n").utf8)
            for (size, signature) in zip([65_536, 1_024, 0], signatures) {
                bytes += Array("\(String(size, radix: 16));chunk-signature=\(signature)\r\n".utf8)
                bytes += [UInt8](repeating: 0x61, count: size) + Array("\r\n".utf8)
            }
            if isDamaged { bytes[bytes.count - 400] = 0x62 }
            let answer = try await server.exchange(bytes)
            #expect(answer.code == (isDamaged ? "SignatureDoesNotMatch" : nil))
            let stored = try await server.send("GET", "/examplebucket/chunkObject.txt")
            #expect(stored.status == (isDamaged ? 404 : 200))
            #expect(isDamaged || stored.body == [UInt8](repeating: 0x61, count: 66_560))
            #expect(
                isDamaged
                    || stored.header("x-amz-storage-class") == "REDUCED_REDUNDANCY"
            )
        }
    }
}
