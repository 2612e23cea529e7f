import S3Gateway
import S3Protocol
import Testing

struct AuthorisationTests {
    @Test("Without a signature, with a wrong one, or with an unknown key, nothing is told")
    func refused() async throws {
        try await TestServer.run { server in
            let host = "Host: \(server.host)\r\n"
            for target in ["/src/o", "/", "/src/none", "/src", "/src?acl"] {
                let bare = try await server.exchange(
                    Array("GET \(target) HTTP/1.1\r\n\(host)\r\n".utf8)
                )
                #expect(bare.status == 403 && bare.code == "AccessDenied")
            }
            let head = try server.head("GET", "/src/o")
            let signature = try #require(head.firstRange(of: "Signature=")).upperBound
            var wrong = head
            let digit = head[signature] == "0" ? "1" : "0"
            wrong.replaceSubrange(signature...signature, with: digit)
            let answer = try await server.exchange(Array(wrong.utf8))
            #expect(answer.status == 403 && answer.code == "SignatureDoesNotMatch")
            #expect(answer.element("AWSAccessKeyId") == TestServer.accessKey)
            let unknown = head.replacing(TestServer.accessKey, with: "AKIAUNKNOWN")
            #expect(try await server.exchange(Array(unknown.utf8)).code == "InvalidAccessKeyId")
        }
    }

    @Test("A condition is not looked at before the signature")
    func noOracle() async throws {
        try await TestServer.run { server async throws in
            let head = """
                GET /src/o HTTP/1.1\r\nHost: \(server.host)\r\nIf-None-Match: *\r\n\r\n
                """
            #expect(try await server.exchange(Array(head.utf8)).status == 403)
        }
    }

    @Test("Case 99: a header of S3 that is not signed is refused by name")
    func unsignedHeader() async throws {
        try await TestServer.run { server in
            let answer = try await server.send(
                "PUT",
                "/dst/c",
                unsigned: ["x-amz-copy-source": "src/o"]
            )
            #expect(answer.status == 403 && answer.code == "AccessDenied")
            #expect(answer.element("HeadersNotSigned") == "x-amz-copy-source")
            #expect(try await server.send("GET", "/dst/c").status == 404)
        }
    }

    @Test("A presigned target serves its method and its key, with overrides that it signs")
    func presigned() async throws {
        try await TestServer.run { server in
            func get(_ target: String, _ method: String = "GET") async throws -> RawAnswer {
                let head = "\(method) \(target) HTTP/1.1\r\nHost: \(server.host)\r\n\r\n"
                return try await server.exchange(Array(head.utf8))
            }
            let target = try server.presigned("GET", "/src/o?response-content-type=image%2Fpng")
            let answer = try await get(target)
            #expect(answer.status == 200 && answer.body == TestServer.hello)
            #expect(answer.header("content-type") == "image/png")
            #expect(try await get(target, "DELETE").code == "SignatureDoesNotMatch")
            let other = target.replacing("/src/o", with: "/src/p")
            #expect(try await get(other).code == "SignatureDoesNotMatch")
            let split = try server.presigned(
                "GET",
                "/src/o?response-content-disposition=a%0D%0ASet-Cookie:b"
            )
            #expect(try await get(split).code == "InvalidArgument")
        }
    }

    @Test("A presigned upload stores, and a request signed in both ways is refused")
    func presignedPut() async throws {
        try await TestServer.run { server in
            let target = try server.presigned("PUT", "/src/uploaded")
            let head =
                "PUT \(target) HTTP/1.1\r\nHost: \(server.host)\r\nContent-Length: 2\r\n\r\nhi"
            #expect(try await server.exchange(Array(head.utf8)).status == 200)
            #expect(try await server.send("GET", "/src/uploaded").text == "hi")
            #expect(try await server.send("GET", target).status == 400)
        }
    }

    @Test("Case 100: another owner is expected")
    func expectedOwner() async throws {
        try await TestServer.run { server async throws in
            func code(_ owner: String) async throws -> String? {
                try await server.copy(
                    "src/o",
                    "/dst/c",
                    ["x-amz-source-expected-bucket-owner": owner]
                )
                .code
            }
            #expect(try await code("123456789012") == "AccessDenied")
            #expect(try await code("me") == "InvalidBucketOwnerAWSAccountID")
            #expect(try await code("000000000000") == nil)
        }
    }

    @Test("One region, if the settings say so")
    func region() async throws {
        var settings = S3Settings()
        settings.acceptsAnyRegion = false
        try await TestServer.run(settings) { server in
            let head = try server.head("GET", "/src/o")
                .replacing("/us-east-1/", with: "/eu-west-1/")
            let answer = try await server.exchange(Array(head.utf8))
            #expect(answer.code == "AuthorizationHeaderMalformed")
            #expect(answer.element("Region") == "us-east-1")
        }
    }
}
