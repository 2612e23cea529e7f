import Coordinator
import S3Protocol
import StoreModel
import Testing

@testable import S3Gateway

struct RenameTests {
    private static func rename(
        _ server: TestServer,
        _ source: String,
        to target: String
    ) async throws -> RawAnswer {
        try await server.send(
            "PUT",
            "\(target)?renameObject",
            ["x-amz-rename-source": source]
        )
    }

    @Test(
        "An object has another key, and is as it was; the bucket may be named or not",
        arguments: ["/src/o", "src/o", "o", "/src%2Fo", "%6f"]
    )
    func renamed(source: String) async throws {
        try await TestServer.run { server in
            let before = try await server.send("HEAD", "/src/o")
            await server.store.advance(seconds: 100)
            let answer = try await server.send(
                "PUT",
                "/src/n?renameObject",
                ["x-amz-rename-source": source, "x-amz-client-token": "t"]
            )
            #expect(answer.status == 200 && answer.body.isEmpty)
            #expect(try await server.send("HEAD", "/src/o").status == 404)
            let after = try await server.send("GET", "/src/n")
            #expect(after.body == TestServer.hello)
            for name in ["etag", "last-modified", "content-type", "x-amz-meta-k1"] {
                #expect(after.header(name) == before.header(name))
            }
        }
    }

    @Test("The key is decoded once, and a plus is a plus")
    func encoding() async throws {
        try await TestServer.run { server in
            #expect(try await server.send("PUT", "/src/a%2Bb%20%25c").status == 200)
            let answer = try await Self.rename(server, "/src/a+b%20%25c", to: "/src/n")
            #expect(answer.status == 200)
            #expect(try await server.send("HEAD", "/src/n").status == 200)
        }
    }

    @Test(
        "What cannot be renamed is refused by name",
        arguments: [
            ("", "/src/n", 400, "InvalidRequest"), ("/src/", "/src/n", 400, "InvalidArgument"),
            ("/src/%", "/src/n", 400, "InvalidArgument"),
            ("/dst/o", "/src/n", 400, "InvalidRequest"),
            ("/src/d/", "/src/n", 400, "InvalidRequest"),
            ("/src/o", "/src/d/", 400, "InvalidRequest"),
            ("/src/missing", "/src/n", 404, "NoSuchKey"),
            ("/absent/o", "/absent/n", 404, "NoSuchBucket"),
        ]
    )
    func refused(source: String, target: String, status: Int, code: String) async throws {
        try await TestServer.run { server in
            let answer = try await Self.rename(server, source, to: target)
            #expect(answer.status == status && answer.code == code)
            #expect(try await server.send("HEAD", "/src/o").status == 200)
        }
    }

    @Test("Without the header it is no rename, and without the parameter the header is nothing")
    func halves() async throws {
        try await TestServer.run { server in
            let answer = try await server.send("PUT", "/src/n?renameObject")
            #expect(answer.status == 400 && answer.code == "InvalidRequest")
            #expect(try await server.send("HEAD", "/src/n").status == 404)
            let other = try await server.send("GET", "/src/o?renameObject")
            #expect(other.status == 501)
        }
    }

    @Test("Conditions on what is replaced, and on what is renamed")
    func conditions() async throws {
        try await TestServer.run { server in
            #expect(try await server.send("PUT", "/src/t", body: [1]).status == 200)
            let etag = "\"\(TestServer.helloETag)\""
            let (before, after) = ("Mon, 13 Nov 2023 00:00:00 GMT", "Tue, 14 Nov 2023 23:00:00 GMT")
            await server.store.advance(seconds: 10_000)
            for (name, value) in [
                ("If-None-Match", "*"), ("If-Match", etag), ("If-Unmodified-Since", before),
                ("x-amz-rename-source-if-match", "\"other\""),
                ("x-amz-rename-source-if-none-match", etag),
                ("x-amz-rename-source-if-unmodified-since", before),
            ] {
                let answer = try await server.send(
                    "PUT",
                    "/src/t?renameObject",
                    ["x-amz-rename-source": "o", name: value]
                )
                #expect(answer.status == 412 && answer.code == "PreconditionFailed", "\(name)")
                #expect(answer.element("Condition")?.lowercased() == name.lowercased())
            }
            let missing = try await server.send(
                "PUT",
                "/src/n?renameObject",
                ["x-amz-rename-source": "o", "If-Match": etag]
            )
            #expect(missing.status == 404 && missing.code == "NoSuchKey")
            let fits = try await server.send(
                "PUT",
                "/src/n?renameObject",
                [
                    "x-amz-rename-source": "o", "If-None-Match": "*",
                    "x-amz-rename-source-if-match": etag,
                    "x-amz-rename-source-if-unmodified-since": after,
                    "x-amz-rename-source-if-modified-since": before,
                ]
            )
            #expect(fits.status == 200)
            let replaced = try await server.send(
                "PUT",
                "/src/n?renameObject",
                ["x-amz-rename-source": "t", "If-Match": etag, "If-Unmodified-Since": after]
            )
            #expect(replaced.status == 200)
            #expect(try await server.send("GET", "/src/n").body == [1])
        }
    }

    @Test("Renaming onto itself changes nothing; where versions are kept it is not there")
    func itself() async throws {
        try await TestServer.run { server in
            #expect(try await Self.rename(server, "o", to: "/src/o").status == 200)
            #expect(try await server.send("GET", "/src/o").body == TestServer.hello)
            try await server.store.set(.versioning(.enabled), of: Self.src)
            let answer = try await Self.rename(server, "o", to: "/src/n")
            #expect(answer.status == 501 && answer.code == "NotImplemented")
        }
    }

    private static let src = bucket("src")

    private static func bucket(_ text: String) -> BucketName {
        guard let name = BucketName(text) else { preconditionFailure("No bucket: \(text)") }
        return name
    }

    /// Everything for everybody, but for one action.
    private static func policy(denying action: String?) -> String {
        func statement(_ effect: String, _ action: String) -> String {
            """
            {"Effect": "\(effect)", "Principal": "*", "Action": "\(action)",
             "Resource": "arn:aws:s3:::src/*"}
            """
        }
        let denial = action.map { ", " + statement("Deny", $0) } ?? ""
        return """
            {"Version": "2012-10-17", "Statement": [\(statement("Allow", "s3:*"))\(denial)]}
            """
    }

    @Test("A user needs to read and delete the one key, and to write the other")
    func rights() async throws {
        try await TestServer.run { server in
            for (denied, status) in [
                (nil, 200), ("s3:GetObject", 403), ("s3:DeleteObject", 403), ("s3:PutObject", 403),
            ] as [(String?, Int)] {
                let policy = Self.policy(denying: denied)
                let set = try await server.send("PUT", "/src?policy", body: Array(policy.utf8))
                #expect(set.status == 204)
                _ = try await server.send("PUT", "/src/p", body: [2])
                let answer = try await Self.rename(server.as("AKIAALICE"), "p", to: "/src/q")
                #expect(answer.status == status, "\(denied ?? "nothing denied")")
            }
        }
    }
}
