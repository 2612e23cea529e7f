import Coordinator
import S3Protocol
import Testing

/// What this server has not, and says so.
struct NotImplementedTests {
    @Test(
        "What is missing is named, and never answered with 200",
        arguments: [
            ("PUT", "/src?replication", "PutBucketReplication"),
            ("PUT", "/src?encryption", "PutBucketEncryption"),
            ("DELETE", "/src?encryption", "DeleteBucketEncryption"),
            ("PUT", "/src?object-lock", "PutObjectLockConfiguration"),
            ("PUT", "/src?notification", "PutBucketNotificationConfiguration"),
            ("PUT", "/src?website", "PutBucketWebsite"),
            ("GET", "/src?inventory&id=1", "GetBucketInventoryConfiguration"),
            ("POST", "/src?metadataTable", "CreateBucketMetadataTableConfiguration"),
            ("GET", "/src?session", "CreateSession"),
            ("POST", "/src?website", "POST ?website"),
            ("PUT", "/src/o?retention", "PutObjectRetention"),
            ("GET", "/src/o?legal-hold", "GetObjectLegalHold"),
            ("GET", "/src/o?torrent", "GetObjectTorrent"),
            ("POST", "/src/o?restore", "RestoreObject"),
            ("POST", "/src/o?select&select-type=2", "SelectObjectContent"),
            ("PATCH", "/src/o?retention", "PATCH ?retention"),
            ("GET", "/src?new-thing", "The parameter new-thing of ListObjects"),
            ("PUT", "/src/o?new-thing", "The parameter new-thing of PutObject"),
            ("GET", "/src?acl&policy", "The combination acl and policy"),
            ("GET", "/src/o?uploadId=x&acl", "The parameter acl of ListParts"),
            ("PUT", "/src/o?partNumber=1", "The parameter partNumber of PutObject"),
        ]
    )
    func named(method: String, target: String, name: String) async throws {
        try await TestServer.run { server in
            let answer = try await server.send(method, target)
            #expect(answer.status == 501 && answer.code == "NotImplemented")
            #expect(answer.element("Message") == "\(name) is not implemented.")
        }
    }

    @Test(
        "Whatever the operation, what its headers ask for and is missing is named",
        arguments: [
            ("PUT", "/src/n"), ("GET", "/src/o"), ("HEAD", "/src/o"), ("POST", "/src/n?uploads"),
            ("PUT", "/src/n?partNumber=1&uploadId=x"), ("POST", "/src/n?uploadId=x"),
            ("GET", "/src/o?attributes"), ("PUT", "/new-bucket"),
        ]
    )
    func headers(method: String, target: String) async throws {
        try await TestServer.run { server in
            for (name, value, what) in [
                ("x-amz-server-side-encryption", "AES256", "Encryption by the server, SSE-S3"),
                ("x-amz-server-side-encryption", "aws:kms", "Encryption by the server, SSE-KMS"),
                (
                    "x-amz-server-side-encryption-aws-kms-key-id", "k",
                    "Encryption by the server, SSE-KMS"
                ),
                (
                    "x-amz-server-side-encryption-customer-algorithm", "AES256",
                    "Encryption by the server with a key of the client, SSE-C"
                ),
                (
                    "x-amz-copy-source-server-side-encryption-customer-key", "k",
                    "Encryption by the server with a key of the client, SSE-C"
                ),
                ("x-amz-object-lock-mode", "COMPLIANCE", "Object lock"),
                ("x-amz-object-lock-legal-hold", "ON", "Object lock"),
                ("x-amz-bucket-object-lock-enabled", "true", "Object lock"),
                ("x-amz-write-offset-bytes", "5", "Appending to an object"),
            ] {
                let answer = try await server.send(method, target, [(name): value])
                #expect(answer.status == 501, "\(name)")
                if method == "HEAD" { continue }
                let message = "\(what) (the header \(name)) is not implemented."
                #expect(answer.code == "NotImplemented" && answer.element("Message") == message)
            }
            #expect(try await server.send("GET", "/src/n").status == 404)
            #expect(try await server.send("HEAD", "/new-bucket").status == 404)
        }
    }

    @Test("A bucket that is to have no object lock is made: rclone says so of each")
    func noObjectLock() async throws {
        try await TestServer.run { server async throws in
            let headers = ["x-amz-bucket-object-lock-enabled": "false"] as KeyValuePairs
            #expect(try await server.send("PUT", "/new-bucket", headers).status == 200)
        }
    }

    @Test("Parameters of the client's own do not matter")
    func ownParameters() async throws {
        try await TestServer.run { server async throws in
            #expect(try await server.send("GET", "/src/o?x-id=GetObject&x-trace=7").status == 200)
        }
    }

    @Test("Other methods are refused")
    func methods() async throws {
        try await TestServer.run { server async throws in
            #expect(try await server.send("PATCH", "/src/o").status == 405)
            #expect(try await server.send("DELETE", "/").status == 405)
        }
    }
}
