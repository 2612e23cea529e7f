import S3Protocol
import StoreModel
import Testing

struct ObjectTests {
    @Test("An object comes back with what was said of it")
    func roundTrip() async throws {
        try await TestServer.run { server in
            let answer = try await server.send("GET", "/src/o")
            #expect(answer.body == TestServer.hello)
            for (name, value) in [
                ("etag", "\"\(TestServer.helloETag)\""), ("content-type", "text/plain"),
                ("cache-control", "max-age=60"), ("content-language", "en-US"),
                ("x-amz-meta-k1", "v1"), ("accept-ranges", "bytes"), ("content-length", "11"),
                ("last-modified", server.now.httpDate),
            ] {
                #expect(answer.header(name) == value, "\(name)")
            }
            #expect(answer.header("x-amz-storage-class") == nil)
            let head = try await server.send("HEAD", "/src/o")
            #expect(head.header("content-length") == "11" && head.body.isEmpty)
        }
    }

    @Test("Keys are what they are: no normalisation, one decoding")
    func keys() async throws {
        try await TestServer.run { server in
            for (index, target) in [
                "/src/a//b", "/src//a", "/src/a/../b", "/src/a%2520b", "/src/a+b",
                "/src/%F0%9F%98%80",
                "/src/a/", "/src/a%3Fx",
            ].enumerated() {
                let body = Array("\(index)".utf8)
                #expect(try await server.send("PUT", target, body: body).status == 200)
                #expect(try await server.send("GET", target).body == body, "\(target)")
            }
            let listed = try await server.send("GET", "/src").elements("Key")
            #expect(listed.contains("a%20b") && listed.contains("a+b") && listed.contains("/a"))
            let long = "/src/" + String(repeating: "k", count: 1_025)
            #expect(try await server.send("PUT", long).code == "KeyTooLongError")
        }
    }

    @Test("Ranges are cut, and impossible ones refused")
    func ranges() async throws {
        try await TestServer.run { server in
            let part = try await server.send("GET", "/src/o", ["Range": "bytes=6-99"])
            #expect(part.status == 206 && part.text == "world")
            #expect(part.header("content-range") == "bytes 6-10/11")
            #expect(try await server.send("GET", "/src/o", ["Range": "bytes=-3"]).text == "rld")
            for text in ["bytes=0-1,3-4", "chars=1-2"] {
                #expect(try await server.send("GET", "/src/o", ["Range": text]).status == 200)
            }
            let beyond = try await server.send("GET", "/src/o", ["Range": "bytes=11-"])
            #expect(beyond.status == 416 && beyond.code == "InvalidRange")
            #expect(beyond.element("ActualObjectSize") == "11")
            #expect(beyond.element("RangeRequested") == "bytes=11-")
            let old = try await server.send(
                "GET",
                "/src/o",
                ["Range": "bytes=0-1", "If-Range": "\"old\""]
            )
            #expect(old.status == 200)
            #expect(try await server.send("GET", "/src/o?partNumber=2").code == "InvalidPartNumber")
        }
    }

    @Test("Readers who have it already get 304, and wrong expectations 412")
    func conditions() async throws {
        try await TestServer.run { server in
            let etag = "\"\(TestServer.helloETag)\""
            let same = try await server.send("GET", "/src/o", ["If-None-Match": etag])
            #expect(same.status == 304 && same.body.isEmpty)
            #expect(same.header("etag") == etag)
            let failed = try await server.send("GET", "/src/o", ["If-Match": "\"x\""])
            #expect(failed.status == 412 && failed.element("Condition") == "If-Match")
            let date = server.now.httpDate
            #expect(
                try await server.send("GET", "/src/o", ["If-Modified-Since": date]).status == 304
            )
            #expect(
                try await server.send("GET", "/src/o", ["If-Unmodified-Since": date]).status == 200
            )
        }
    }

    @Test("Conditional writes: absent, matching, and what S3 refuses")
    func conditionalWrites() async throws {
        try await TestServer.run { server in
            func put(_ key: String, _ name: String, _ value: String) async throws -> RawAnswer {
                try await server.send("PUT", "/src/\(key)", [(name, value)])
            }
            #expect(try await put("new", "If-None-Match", "*").status == 200)
            let second = try await put("new", "If-None-Match", "*")
            #expect(second.status == 412 && second.element("Condition") == "If-None-Match")
            #expect(try await put("o", "If-Match", "\"x\"").element("Condition") == "If-Match")
            #expect(try await put("none", "If-Match", "\"x\"").code == "NoSuchKey")
            #expect(try await put("o", "If-Match", "*").status == 501)
            #expect(try await put("o", "If-Match", TestServer.helloETag).status == 200)
        }
    }

    @Test("A body that is not what was announced is not stored")
    func bodyChecks() async throws {
        try await TestServer.run { server in
            let other = Array("other".utf8)
            for (headers, payload, code) in [
                ([:], PayloadHash(of: other), "XAmzContentSHA256Mismatch"),
                (["Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="], .unsigned, "BadDigest"),
                (["x-amz-checksum-crc32": "AAAAAA=="], .unsigned, "BadDigest"),
                (["x-amz-checksum-crc32c": "AAAAAA=="], .unsigned, "BadDigest"),
                (["x-amz-checksum-crc64nvme": "AAAAAAAAAAA="], .unsigned, "BadDigest"),
                (["x-amz-checksum-sha1": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="], .unsigned, "BadDigest"),
                (["x-amz-checksum-sha512": "AAAA"], .unsigned, "NotImplemented"),
                (["x-amz-server-side-encryption": "AES256"], .unsigned, "NotImplemented"),
                (["x-amz-storage-class": "FOO"], .unsigned, "InvalidStorageClass"),
                (["x-amz-acl": "open"], .unsigned, "InvalidArgument"),
            ] as [(KeyValuePairs<String, String>, PayloadHash, String)] {
                let answer = try await server.send(
                    "PUT",
                    "/src/bad",
                    headers,
                    body: TestServer.hello,
                    payload: payload
                )
                #expect(answer.code == code)
            }
            #expect(try await server.send("GET", "/src/bad").status == 404)
        }
    }

    @Test("Checksums that are right are kept and shown when asked for")
    func checksums() async throws {
        try await TestServer.run { server in
            for (name, value) in [
                ("crc32", "DUoRhQ=="), ("crc32c", "yZRlqg=="),
                ("sha1", "Kq5sNclPz7QV2+lfQIuc6R7oRu0="),
                ("sha256", "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek="),
            ] {
                let name = "x-amz-checksum-\(name)"
                let put = try await server.send(
                    "PUT",
                    "/src/sum",
                    [(name): value],
                    body: TestServer.hello
                )
                #expect(put.status == 200, "\(name)")
                #expect(put.header(name) == value)
                let shown = try await server.send(
                    "GET",
                    "/src/sum",
                    ["x-amz-checksum-mode": "ENABLED"]
                )
                #expect(shown.header(name) == value)
                #expect(shown.header("x-amz-checksum-type") == "FULL_OBJECT")
                #expect(try await server.send("GET", "/src/sum").header(name) == nil)
            }
        }
    }

    @Test("Attributes are told that are asked for, in one order, and no others")
    func attributes() async throws {
        try await TestServer.run { server in
            let put = try await server.send(
                "PUT",
                "/src/a",
                ["x-amz-checksum-crc32": "DUoRhQ=="],
                body: TestServer.hello
            )
            #expect(put.status == 200)
            let all = try await server.send(
                "GET",
                "/src/a?attributes",
                ["x-amz-object-attributes": "ObjectSize, ETag,Checksum,StorageClass,ObjectParts"]
            )
            #expect(all.status == 200 && all.header("last-modified") != nil)
            #expect(
                all.text.hasSuffix(
                    "<ETag>\(TestServer.helloETag)</ETag><Checksum><ChecksumCRC32>DUoRhQ=="
                        + "</ChecksumCRC32><ChecksumType>FULL_OBJECT</ChecksumType></Checksum>"
                        + "<StorageClass>STANDARD</StorageClass><ObjectSize>11</ObjectSize>"
                        + "</GetObjectAttributesResponse>"
                )
            )
            let one = try await server.send(
                "GET",
                "/src/o?attributes",
                ["x-amz-object-attributes": "ObjectSize"]
            )
            #expect(one.element("ObjectSize") == "11" && one.element("ETag") == nil)
            let wrong = try await server.send(
                "GET",
                "/src/o?attributes",
                ["x-amz-object-attributes": "Colour"]
            )
            #expect(wrong.code == "InvalidArgument")
            #expect(try await server.send("GET", "/src/o?attributes").code == "InvalidRequest")
            let missing = try await server.send(
                "GET",
                "/src/none?attributes",
                ["x-amz-object-attributes": "ETag"]
            )
            #expect(missing.code == "NoSuchKey")
        }
    }

    @Test("Deleting succeeds once and again")
    func delete() async throws {
        try await TestServer.run { server async throws in
            #expect(try await server.send("DELETE", "/src/o").status == 204)
            #expect(try await server.send("GET", "/src/o").status == 404)
            #expect(try await server.send("DELETE", "/src/o").status == 204)
            #expect(try await server.send("DELETE", "/none/o").code == "NoSuchBucket")
        }
    }

    @Test("Many objects are deleted at once, and each is told of")
    func deleteMany() async throws {
        try await TestServer.run { server in
            let keys = (0..<40).map { "k\($0)" } + ["o", "&lt;missing&gt;"]
            for index in 0..<40 {
                #expect(try await server.send("PUT", "/src/k\(index)").status == 200)
            }
            let long = String(repeating: "l", count: 1_025)
            let objects = (keys + [long]).map { "<Object><Key>\($0)</Key></Object>" }.joined()
            let body = Array("<Delete>\(objects)</Delete>".utf8)
            let answer = try await server.send("POST", "/src?delete", body: body)
            #expect(answer.status == 200)
            #expect(
                answer.elements("Deleted").map { $0.dropFirst(5).dropLast(6) }
                    == keys.map { $0[...] }
            )
            #expect(
                answer.elements("Error").count == 1 && answer.element("Code") == "KeyTooLongError"
            )
            #expect(try await server.send("GET", "/src").elements("Key").isEmpty)
            let unprotected = try await server.send(
                "POST",
                "/src?delete",
                body: body,
                payload: .unsigned
            )
            #expect(unprotected.code == "InvalidRequest")
        }
    }
}
