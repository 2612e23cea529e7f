import NIOSSL
import S3Gateway
import Testing

/// TLS on the S3 port.
struct TLSTests {
    @Test("Over TLS the same is answered as in the clear, and addresses say so")
    func answers() async throws {
        try await TestServer.run(tls: TestCertificate()) { server async throws in
            let read = try await server.send("GET", "/src/o")
            #expect(read.status == 200)
            #expect(read.body == TestServer.hello)
            let body = [UInt8](repeating: 7, count: 3_000_000)
            #expect(try await server.send("PUT", "/src/large", body: body).status == 200)
            #expect(try await server.copy("src/large", "/dst/large").status == 200)
            #expect(try await server.send("GET", "/dst/large").body == body)
            let begun = try await server.send("POST", "/src/parts?uploads")
            let id = try #require(begun.element("UploadId"))
            let part = try await server.send(
                "PUT",
                "/src/parts?partNumber=1&uploadId=\(id)",
                body: body
            )
            let list = """
                <CompleteMultipartUpload><Part><PartNumber>1</PartNumber>\
                <ETag>\(try #require(part.header("ETag")))</ETag></Part></CompleteMultipartUpload>
                """
            let done = try await server.send(
                "POST",
                "/src/parts?uploadId=\(id)",
                body: Array(list.utf8)
            )
            #expect(done.element("Location")?.hasPrefix("https://") == true)
        }
    }

    @Test(
        "A policy that demands TLS lets in over TLS, and not in the clear",
        arguments: [true, false]
    )
    func policy(isSecure: Bool) async throws {
        try await TestServer.run(tls: isSecure ? TestCertificate() : nil) { server async throws in
            let policy = """
                {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", \
                "Action": "s3:GetObject", "Resource": "arn:aws:s3:::src/*", \
                "Condition": {"Bool": {"aws:SecureTransport": "true"}}}]}
                """
            let put = try await server.send("PUT", "/src?policy", body: Array(policy.utf8))
            #expect(put.status == 204)
            let read = try await server.as("AKIAALICE").send("GET", "/src/o")
            #expect(read.status == (isSecure ? 200 : 403))
        }
    }

    @Test("An answer that breaks off does not end as TLS ends what is whole")
    func reset() async throws {
        try await TestServer.run(tls: TestCertificate()) { server async throws in
            let body = [UInt8](repeating: 7, count: 3_000_000)
            #expect(try await server.send("PUT", "/src/large", body: body).status == 200)
            await server.store.cause(.init(readFailsAfter: 100_000))
            let error = await #expect(throws: (any Error).self) { () async throws in
                _ = try await server.send("GET", "/src/large")
            }
            #expect(!(error is ConnectionClosed), "TLS said farewell.")
        }
    }

    @Test("Bytes that are no handshake are not answered")
    func inTheClear() async throws {
        try await TestServer.run(tls: TestCertificate()) { server async throws in
            let head = Array("GET / HTTP/1.1\r\nHost: \(server.host)\r\n\r\n".utf8)
            await #expect(throws: (any Error).self) { () async throws in
                _ = try await RawConnection.with(port: server.port) { connection in
                    try await connection.send(head)
                    return try await connection.answer()
                }
            }
        }
    }
}

/// A certificate that nobody has signed, for localhost.
struct TestCertificate: Sendable {
    let server: TLSConfiguration
    let client: TLSConfiguration

    init() throws {
        self.server = .makeServerConfiguration(
            certificateChain: [
                .certificate(
                    try NIOSSLCertificate(bytes: Array(Self.certificate.utf8), format: .pem)
                )
            ],
            privateKey: .privateKey(
                try NIOSSLPrivateKey(bytes: Array(Self.key.utf8), format: .pem)
            )
        )
        var client = TLSConfiguration.makeClientConfiguration()
        client.certificateVerification = .none
        self.client = client
    }

    private static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBfzCCASWgAwIBAgIURvwPTb0n9XyVuLNT5F3FxjTw4/0wCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNjA5MjMyMFoYDzIxMjYxMTAy
        MDkyMzIwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAARzFmdXHydlUJBL1SYtWWu+UxM/nvPq8y1Hl+77saAYqMkLjZylINPL
        ndoA2txx7XnxHkvDlL2ffvw2/jFpMS0Ro1MwUTAdBgNVHQ4EFgQU0R2z0j2/HjNn
        LD5T0oX3EDJ+h2IwHwYDVR0jBBgwFoAU0R2z0j2/HjNnLD5T0oX3EDJ+h2IwDwYD
        VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiA0w+tsfXdMFVuGW164/l6i
        sc5rE20+mTPAE9IyTc/0VQIhAJfb55soELgfWJVVRY+aTQHkBFy3Pu6JQw0enTzA
        ou+D
        -----END CERTIFICATE-----
        """

    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpMfcq5PGx3DsRYcT
        7Wp1JKWgbyUkooDWz8LaLqSLcs2hRANCAARzFmdXHydlUJBL1SYtWWu+UxM/nvPq
        8y1Hl+77saAYqMkLjZylINPLndoA2txx7XnxHkvDlL2ffvw2/jFpMS0R
        -----END PRIVATE KEY-----
        """
}
