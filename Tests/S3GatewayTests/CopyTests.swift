import Coordinator
import S3Gateway
import S3Protocol
import StoreModel
import Testing

/// The acceptance cases of CopyObject that concern what exists, by their numbers.
struct CopyTests {
    private func isRefused(
        _ answer: RawAnswer,
        _ status: Int,
        _ code: String,
        _ condition: String? = nil
    ) -> Bool {
        answer.status == status && answer.code == code
            && (condition == nil || answer.element("Condition") == condition)
    }

    @Test(
        "Cases 1, 2, 3, 5: a copy has the content and the metadata of its source",
        arguments: ["/src/o", "src/o"]
    )
    func basic(source: String) async throws {
        try await TestServer.run { server in
            await server.store.advance(seconds: 100)
            let copied = try await server.copy(source, "/dst/c")
            #expect(copied.status == 200)
            #expect(copied.header("content-type") == "application/xml")
            #expect(copied.header("etag") == nil)
            #expect(copied.header("x-triolet-copy-mode") == "reference")
            #expect(copied.header("x-triolet-copy-bytes-moved") == "0")
            #expect(copied.text.hasPrefix("<?xml"))
            #expect(copied.text.contains("<CopyObjectResult xmlns=\"http://s3.amazonaws.com/"))
            #expect(copied.element("ETag") == "&quot;\(TestServer.helloETag)&quot;")
            #expect(copied.element("LastModified") == "2023-11-14T22:15:00.000Z")
            let shown = try await server.send("GET", "/dst/c")
            #expect(shown.body == TestServer.hello)
            for (name, value) in [
                ("content-type", "text/plain"), ("cache-control", "max-age=60"),
                ("content-language", "en-US"), ("x-amz-meta-k1", "v1"),
                ("last-modified", "Tue, 14 Nov 2023 22:15:00 GMT"),
            ] {
                #expect(shown.header(name) == value)
            }
        }
    }

    @Test("Case 6: an empty source")
    func emptySource() async throws {
        try await TestServer.run { server in
            #expect(try await server.send("PUT", "/src/empty").status == 200)
            let copied = try await server.copy("src/empty", "/dst/empty")
            #expect(copied.element("ETag") == "&quot;d41d8cd98f00b204e9800998ecf8427e&quot;")
            let shown = try await server.send("GET", "/dst/empty")
            #expect(shown.header("content-length") == "0")
        }
    }

    @Test(
        "Cases 16 to 27: the key that is meant is copied, over the wire",
        arguments: [
            ("a%20b", "src/a+b"), ("a%2Bb", "src/a%2Bb"), ("a%252Bb", "src/a%252Bb"),
            ("%C3%BC/%C3%A9", "src/%C3%BC/%C3%A9"), ("a%3FversionId=x", "src/a%3FversionId=x"),
            ("x//y", "src/x//y"), ("tail/", "src/tail/"), ("/lead", "src//lead"),
            ("a&b=c;d", "src/a&b=c;d"), ("file%252Fname", "src%2Ffile%252Fname"),
        ]
    )
    func sources(target: String, source: String) async throws {
        try await TestServer.run { server async throws in
            let body = Array(source.utf8)
            #expect(try await server.send("PUT", "/src/\(target)", body: body).status == 200)
            #expect(try await server.copy(source, "/dst/c").status == 200)
            #expect(try await server.send("GET", "/dst/c").body == body)
        }
    }

    @Test("Case 17: a raw plus is a space, and no such key is an error")
    func rawPlus() async throws {
        try await TestServer.run { server in
            #expect(try await server.send("PUT", "/src/a%2Bb").status == 200)
            let answer = try await server.copy("src/a+b", "/dst/c")
            #expect(self.isRefused(answer, 404, "NoSuchKey") && answer.element("Key") == "a b")
        }
    }

    @Test("Cases 28 to 31: bad sources, and sources where none belongs")
    func badSources() async throws {
        try await TestServer.run { server in
            for source in ["wrongformat", "src/", "src/%ZZ", "src/%A/x", "%", "192.168.1.1/foo"] {
                let answer = try await server.copy(source, "/dst/c")
                #expect(self.isRefused(answer, 400, "InvalidArgument"), "\(source)")
                #expect(answer.element("ArgumentName") == "x-amz-copy-source")
            }
            let get = try await server.send("GET", "/dst/c", [("x-amz-copy-source", "src/o")])
            #expect(self.isRefused(get, 400, "InvalidArgument"))
            #expect(
                get.element("Message")
                    == "You can only specify a copy source header for copy requests."
            )
        }
    }

    @Test("Case 32: what is missing is named")
    func missing() async throws {
        try await TestServer.run { server in
            let bucket = try await server.copy("none/o", "/dst/c")
            #expect(self.isRefused(bucket, 404, "NoSuchBucket"))
            #expect(bucket.element("BucketName") == "none")
            let key = try await server.copy("src/none", "/dst/c")
            #expect(self.isRefused(key, 404, "NoSuchKey") && key.element("Key") == "none")
            let target = try await server.copy("src/o", "/none/c")
            #expect(self.isRefused(target, 404, "NoSuchBucket"))
            #expect(target.element("BucketName") == "none")
        }
    }

    @Test("Case 33: a target key has at most 1,024 bytes")
    func longKey() async throws {
        try await TestServer.run { server async throws in
            let key = String(repeating: "k", count: 1_024)
            #expect(try await server.copy("src/o", "/dst/\(key)").status == 200)
            #expect(
                self.isRefused(
                    try await server.copy("src/o", "/dst/\(key)k"),
                    400,
                    "KeyTooLongError"
                )
            )
        }
    }

    @Test("Cases 34 and 35: without REPLACE the request's metadata does not count")
    func metadataKept() async throws {
        try await TestServer.run { server in
            let headers: KeyValuePairs = [
                "x-amz-metadata-directive": "COPY", "x-amz-meta-k2": "v2", "Content-Type": "x/y",
            ]
            #expect(try await server.copy("src/o", "/dst/c", headers).status == 200)
            let shown = try await server.send("HEAD", "/dst/c")
            #expect(shown.header("x-amz-meta-k1") == "v1")
            #expect(shown.header("x-amz-meta-k2") == nil)
            #expect(shown.header("content-type") == "text/plain")
        }
    }

    @Test("Cases 36 and 37: with REPLACE nothing else counts")
    func metadataReplaced() async throws {
        try await TestServer.run { server in
            let headers: KeyValuePairs = [
                "x-amz-metadata-directive": "REPLACE", "x-amz-meta-k2": "v2",
                "Content-Type": "image/jpg",
            ]
            #expect(try await server.copy("src/o", "/dst/c", headers).status == 200)
            let shown = try await server.send("HEAD", "/dst/c")
            #expect(shown.header("x-amz-meta-k2") == "v2")
            #expect(shown.header("content-type") == "image/jpg")
            for name in ["x-amz-meta-k1", "cache-control", "content-language"] {
                #expect(shown.header(name) == nil)
            }
            let bare = try await server.copy(
                "src/o",
                "/dst/d",
                ["x-amz-metadata-directive": "REPLACE"]
            )
            #expect(bare.status == 200)
            let empty = try await server.send("HEAD", "/dst/d")
            #expect(empty.header("content-type") == "binary/octet-stream")
            #expect(empty.header("x-amz-meta-k1") == nil)
        }
    }

    @Test("Cases 38, 41, 44, 46 to 50: headers that cannot be, and nothing is written")
    func refusedHeaders() async throws {
        try await TestServer.run { server in
            for (name, value, status, code) in [
                ("x-amz-metadata-directive", "invalid", 400, "InvalidArgument"),
                ("x-amz-tagging-directive", "x", 400, "InvalidArgument"),
                ("x-amz-storage-class", "FOO", 400, "InvalidStorageClass"),
                ("x-amz-acl", "nobody", 400, "InvalidArgument"),
                ("x-amz-website-redirect-location", "ftp:x", 400, "InvalidRedirectLocation"),
                ("x-amz-checksum-algorithm", "FOO", 400, "InvalidRequest"),
                (
                    "x-amz-server-side-encryption-customer-algorithm", "AES256", 501,
                    "NotImplemented"
                ),
                ("x-triolet-copy-mode", "quick", 400, "InvalidArgument"),
            ] {
                let answer = try await server.copy("src/o", "/dst/c", [(name): value])
                #expect(self.isRefused(answer, status, code), "\(name)")
            }
            let both = try await server.copy(
                "src/o",
                "/dst/c",
                ["x-amz-acl": "private", "x-amz-grant-read": "id=1"]
            )
            #expect(self.isRefused(both, 400, "InvalidRequest"))
            let large = try await server.copy(
                "src/o",
                "/dst/c",
                [
                    "x-amz-metadata-directive": "REPLACE",
                    "x-amz-meta-a": String(repeating: "v", count: 2_048),
                ]
            )
            #expect(self.isRefused(large, 400, "MetadataTooLarge"))
            #expect(try await server.send("GET", "/dst/c").status == 404)
            #expect(
                try await server.copy("src/o", "/dst/c", ["x-amz-acl": "private"]).status == 200
            )
        }
    }

    @Test("Cases 42 and 43: the storage class is asked for, never inherited")
    func storageClass() async throws {
        try await TestServer.run { server in
            let name = "x-amz-storage-class"
            let reduced = try await server.copy("src/o", "/dst/c", [(name): "REDUCED_REDUNDANCY"])
            #expect(reduced.header(name) == "REDUCED_REDUNDANCY")
            #expect(reduced.header("x-triolet-copy-mode") == "independent")
            let shown = try await server.send("HEAD", "/dst/c")
            #expect(shown.header(name) == "REDUCED_REDUNDANCY")
            #expect(
                try await server.send("GET", "/dst").element("StorageClass") == "REDUCED_REDUNDANCY"
            )
            #expect(try await server.send("HEAD", "/src/o").header(name) == nil)
            #expect(try await server.copy("dst/c", "/dst/d").header(name) == nil)
            #expect(try await server.send("HEAD", "/dst/d").header(name) == nil)
        }
    }

    @Test("Case 47: a website redirect is not inherited, and may be given")
    func redirect() async throws {
        try await TestServer.run { server in
            let name = "x-amz-website-redirect-location"
            #expect(try await server.copy("src/o", "/dst/c", [(name): "/there"]).status == 200)
            let shown = try await server.send("HEAD", "/dst/c")
            #expect(shown.header(name) == "/there")
            #expect(shown.header("x-amz-meta-k1") == "v1")
            #expect(try await server.copy("dst/c", "/dst/d").status == 200)
            #expect(try await server.send("HEAD", "/dst/d").header(name) == nil)
        }
    }

    @Test("Case 49: a checksum is carried with the content, or made if another is asked for")
    func checksum() async throws {
        try await TestServer.run { server in
            let sum: KeyValuePairs = ["x-amz-checksum-crc32": "DUoRhQ=="]
            #expect(
                try await server.send("PUT", "/src/s", sum, body: TestServer.hello).status == 200
            )
            let copied = try await server.copy("src/s", "/dst/s")
            #expect(copied.element("ChecksumCRC32") == "DUoRhQ==")
            #expect(copied.element("ChecksumType") == "FULL_OBJECT")
            let name = "x-amz-checksum-algorithm"
            #expect(try await server.copy("src/s", "/dst/s", [(name): "CRC32"]).status == 200)
            let other = try await server.copy("src/s", "/dst/s", [(name): "SHA256"])
            #expect(
                other.element("ChecksumSHA256") == "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek="
            )
            #expect(other.element("ChecksumType") == "FULL_OBJECT")
            #expect(other.element("ChecksumCRC32") == nil)
            let head = try await server.send(
                "HEAD",
                "/dst/s",
                ["x-amz-checksum-mode": "ENABLED"]
            )
            #expect(head.header("x-amz-checksum-sha256") == other.element("ChecksumSHA256"))
        }
    }

    @Test("Cases 51 and 52: a copy to itself that changes nothing is illegal")
    func selfCopy() async throws {
        try await TestServer.run { server in
            for headers in [[:], ["x-amz-meta-k1": "v2"], ["x-amz-acl": "private"]]
                as [KeyValuePairs<String, String>]
            {
                let answer = try await server.copy("src/o", "/src/o", headers)
                #expect(self.isRefused(answer, 400, "InvalidRequest"))
                #expect(
                    answer.element("Message")
                        == "This copy request is illegal because it is trying to copy an object to "
                        + "itself without changing the object's metadata, storage class, website "
                        + "redirect location or encryption attributes."
                )
            }
        }
    }

    @Test("Cases 53 to 56: a copy to itself that changes something is legal")
    func legalSelfCopy() async throws {
        try await TestServer.run { server in
            for headers in [
                ["x-amz-metadata-directive": "REPLACE"], ["x-amz-storage-class": "STANDARD"],
                ["x-amz-website-redirect-location": "/x"],
                [
                    "x-amz-metadata-directive": "REPLACE", "Content-Type": "text/plain",
                    "x-amz-meta-mtime": "1700000000.5", "x-amz-acl": "private",
                ],
            ] as [KeyValuePairs<String, String>] {
                await server.store.advance(seconds: 1)
                let before = try await server.send("HEAD", "/src/o")
                let answer = try await server.copy("src/o", "/src/o", headers)
                #expect(answer.status == 200)
                let after = try await server.send("GET", "/src/o")
                #expect(after.body == TestServer.hello)
                #expect(after.header("etag") == before.header("etag"))
                #expect(
                    after.header("last-modified")
                        != before.header("last-modified")
                )
            }
        }
    }

    @Test("Cases 59 to 65: conditions on the source fail with 412 and their names")
    func sourceConditions() async throws {
        try await TestServer.run { server in
            let etag = TestServer.helloETag
            let date = server.now.httpDate
            let early = CalendarTime(seconds: server.now.seconds - 86_400).httpDate
            func copy(_ headers: [(String, String)]) async throws -> RawAnswer {
                let all = headers.map { ("x-amz-copy-source-if-\($0.0)", $0.1) }
                return try await server.send(
                    "PUT",
                    "/dst/c",
                    [("x-amz-copy-source", "src/o")] + all
                )
            }
            for (headers, condition) in [
                ([("match", "\"x\"")], "If-Match"), ([("none-match", etag)], "If-None-Match"),
                ([("unmodified-since", early)], "If-Unmodified-Since"),
                ([("modified-since", date)], "If-Modified-Since"),
                ([("none-match", "x"), ("unmodified-since", early)], "If-Unmodified-Since"),
            ] {
                let answer = try await copy(headers)
                let name = "x-amz-copy-source-\(condition)"
                #expect(self.isRefused(answer, 412, "PreconditionFailed", name), "\(headers)")
            }
            #expect(try await server.send("GET", "/dst/c").status == 404)
            for headers in [
                [("match", "\"\(etag)\"")], [("match", etag)], [("match", "*")],
                [("none-match", "x")], [("unmodified-since", date)], [("modified-since", early)],
                [("match", etag), ("unmodified-since", early)],
            ] {
                #expect(try await copy(headers).status == 200, "\(headers)")
            }
        }
    }

    @Test("Cases 67 to 69: conditions on the target")
    func targetConditions() async throws {
        try await TestServer.run { server in
            func copy(_ headers: KeyValuePairs<String, String>) async throws -> RawAnswer {
                try await server.copy("src/o", "/dst/c", headers)
            }
            let absent = try await copy(["If-Match": "\"x\""])
            #expect(self.isRefused(absent, 404, "NoSuchKey") && absent.element("Key") == "c")
            #expect(try await copy(["If-None-Match": "*"]).status == 200)
            let again = try await copy(["If-None-Match": "*"])
            #expect(self.isRefused(again, 412, "PreconditionFailed", "If-None-Match"))
            let wrong = try await copy(["If-Match": "\"x\""])
            #expect(self.isRefused(wrong, 412, "PreconditionFailed", "If-Match"))
            #expect(try await copy(["If-Match": "\"\(TestServer.helloETag)\""]).status == 200)
            for (headers, name) in [
                (["If-None-Match": "\"x\""], "If-None-Match"), (["If-Match": "*"], "If-Match"),
                (["If-Match": "\"x\"", "If-None-Match": "*"], "If-Match,If-None-Match"),
            ] as [(KeyValuePairs<String, String>, String)] {
                let answer = try await copy(headers)
                #expect(self.isRefused(answer, 501, "NotImplemented"))
                #expect(answer.element("Header") == name)
            }
        }
    }

    @Test("Case 74: in a bucket without versions only the version null exists")
    func versions() async throws {
        try await TestServer.run { server in
            #expect(try await server.copy("src/o?versionId=null", "/dst/c").status == 200)
            let other = try await server.copy("src/o?versionId=abc", "/dst/c")
            #expect(self.isRefused(other, 400, "InvalidArgument"))
        }
    }

    @Test("Case 80: a source that is larger than the limit is refused with S3's words")
    func tooLarge() async throws {
        var settings = S3Settings()
        settings.copyBytesMax = 10
        try await TestServer.run(settings) { server in
            let answer = try await server.copy("src/o", "/dst/c")
            #expect(self.isRefused(answer, 400, "InvalidRequest"))
            #expect(
                answer.element("Message")
                    == "The specified copy source is larger than the maximum allowable size for a "
                    + "copy source: 10"
            )
        }
    }

    @Test("The store is told how to copy")
    func mode() async throws {
        try await TestServer.run { server in
            let answer = try await server.copy(
                "src/o",
                "/dst/c",
                ["x-triolet-copy-mode": "independent"]
            )
            #expect(answer.header("x-triolet-copy-bytes-moved") == "11")
            #expect(await server.store.copies.last?.mode == .independent)
            #expect(await server.store.copies.last?.sizeMax == 5 << 30)
        }
    }
}
