import S3Gateway
import S3Protocol
import Testing

struct BucketTests {
    @Test("Buckets are made, seen, and unmade when they are empty")
    func life() async throws {
        try await TestServer.run { server in
            let made = try await server.send("PUT", "/fresh/")
            #expect(made.status == 200 && made.header("location") == "/fresh")
            let head = try await server.send("HEAD", "/fresh")
            #expect(head.status == 200)
            #expect(head.header("x-amz-bucket-region") == "us-east-1")
            #expect(try await server.send("PUT", "/fresh").status == 200)
            #expect(try await server.send("PUT", "/fresh/k").status == 200)
            #expect(try await server.send("DELETE", "/fresh").code == "BucketNotEmpty")
            #expect(try await server.send("DELETE", "/fresh/k").status == 204)
            #expect(try await server.send("DELETE", "/fresh").status == 204)
            #expect(try await server.send("HEAD", "/fresh").status == 404)
            #expect(try await server.send("PUT", "/Bad_Name").code == "InvalidBucketName")
        }
    }

    @Test("Outside us-east-1, making a bucket again is an error of its own")
    func again() async throws {
        try await TestServer.run { server async throws in
            #expect(try await server.send("PUT", "/dst").status == 200)
        }
        var settings = S3Settings()
        settings.region = "eu-west-1"
        try await TestServer.run(settings) { server in
            #expect(try await server.send("PUT", "/fresh").status == 200)
            let answer = try await server.send("PUT", "/fresh")
            #expect(answer.status == 409 && answer.code == "BucketAlreadyOwnedByYou")
        }
    }

    @Test("A location is read, and refused only if one region is demanded")
    func location() async throws {
        let body = Array(
            """
            <CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">\
            <LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>
            """.utf8
        )
        try await TestServer.run { server in
            #expect(try await server.send("PUT", "/fresh", body: body).status == 200)
            let shown = try await server.send("GET", "/fresh?location")
            #expect(
                shown.text.hasSuffix(
                    "<LocationConstraint xmlns=\"\(XMLWriter.namespace)\">"
                        + "</LocationConstraint>"
                )
            )
            let rubbish = try await server.send("PUT", "/fresh", body: Array("<!DOCTYPE a>".utf8))
            #expect(rubbish.code == "MalformedXML")
        }
        var settings = S3Settings()
        settings.acceptsAnyRegion = false
        try await TestServer.run(settings) { server in
            let answer = try await server.send("PUT", "/fresh", body: body)
            #expect(answer.code == "IllegalLocationConstraintException")
        }
    }

    @Test("All buckets are listed, with their owner, in pages if asked for")
    func list() async throws {
        try await TestServer.run { server in
            let all = try await server.send("GET", "/")
            #expect(all.elements("Name") == ["dst", "examplebucket", "src"])
            #expect(all.element("ID") == "owner-id")
            let first = try await server.send("GET", "/?max-buckets=2")
            #expect(first.elements("Name") == ["dst", "examplebucket"])
            let token = try #require(first.element("ContinuationToken"))
            let escaped = PercentEncoding.encode(token.utf8)
            let rest = try await server.send("GET", "/?continuation-token=\(escaped)")
            #expect(rest.elements("Name") == ["src"])
            #expect(try await server.send("GET", "/?prefix=d").elements("Name") == ["dst"])
        }
    }

    @Test("A bucket may stand in front of the host")
    func virtualHost() async throws {
        try await TestServer.run { server in
            let signer = RequestSigner(
                accessKey: TestServer.accessKey,
                secret: TestServer.secret,
                region: "us-east-1"
            )
            let signed = signer.signed(
                method: "GET",
                target: try RequestTarget(parsing: "/o"),
                headers: [HeaderField("host", "src.localhost:7330")],
                payload: .empty,
                at: server.now
            )
            let lines = ["GET /o HTTP/1.1"] + signed.map { "\($0.name): \($0.value)" }
            let bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
            #expect(try await server.exchange(bytes).body == TestServer.hello)
        }
    }

    @Test(
        "Settings that nobody made are told to be missing, or are the default",
        arguments: [
            ("policy", "NoSuchBucketPolicy"), ("cors", "NoSuchCORSConfiguration"),
            ("lifecycle", "NoSuchLifecycleConfiguration"), ("tagging", "NoSuchTagSet"),
            ("website", "NoSuchWebsiteConfiguration"), ("logging", nil),
            ("encryption", "ServerSideEncryptionConfigurationNotFoundError"),
            ("replication", "ReplicationConfigurationNotFoundError"), ("requestPayment", nil),
            ("publicAccessBlock", "NoSuchPublicAccessBlockConfiguration"), ("accelerate", nil),
            ("ownershipControls", "OwnershipControlsNotFoundError"), ("notification", nil),
            ("object-lock", "ObjectLockConfigurationNotFoundError"),
        ] as [(String, String?)]
    )
    func settings(name: String, code: String?) async throws {
        try await TestServer.run { server in
            let answer = try await server.send("GET", "/src?\(name)")
            #expect(answer.code == code)
            #expect(answer.status == (code == nil ? 200 : 404))
            #expect(try await server.send("GET", "/none?\(name)").code == "NoSuchBucket")
            let isSettable = [
                "policy", "cors", "lifecycle", "tagging", "publicAccessBlock",
                "ownershipControls",
            ]
            .contains(name)
            let wrong = try await server.send("PUT", "/src?\(name)")
            #expect(wrong.status == (isSettable ? 400 : 501))
        }
    }

    @Test("ACLs: the owner's full control, which may be said again; nobody who is not is named")
    func accessControl() async throws {
        try await TestServer.run { server in
            for target in ["/src?acl", "/src/o?acl"] {
                let shown = try await server.send("GET", target)
                #expect(shown.element("Permission") == "FULL_CONTROL")
                #expect(shown.elements("ID") == ["owner-id", "owner-id"])
                #expect(try await server.send("PUT", target, body: shown.body).status == 200)
                #expect(
                    try await server.send("PUT", target, ["x-amz-acl": "private"]).status == 200
                )
                let wrong = try await server.send("PUT", target, ["x-amz-acl": "open"])
                #expect(wrong.code == "InvalidArgument")
                let other = Array(shown.text.replacing("owner-id", with: "other").utf8)
                #expect(try await server.send("PUT", target, body: other).status == 403)
                #expect(try await server.send("PUT", target).status == 400)
            }
            #expect(try await server.send("GET", "/src/none?acl").code == "NoSuchKey")
            let tags = try await server.send("GET", "/src/o?tagging")
            #expect(tags.text.contains("<TagSet></TagSet>"))
        }
    }
}
