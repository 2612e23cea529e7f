import Coordinator
import Crypto
import S3Protocol
import StoreModel
import Testing

struct MultipartTests {
    private static func md5(_ text: String) -> String {
        Hexadecimal.text(Array(Insecure.MD5.hash(data: Array(text.utf8))))
    }

    @Test("Parts become an object with the metadata that the upload was begun with")
    func life() async throws {
        try await TestServer.run { server in
            let upload = try await server.create(
                "/dst/m",
                ["Content-Type": "text/plain", "x-amz-meta-k": "v"]
            )
            let first = try await server.part("/dst/m", upload, 1, "hello ")
            let second = try await server.part("/dst/m", upload, 5, "world")
            #expect(first.header("etag") == "\"\(Self.md5("hello "))\"")
            #expect(try await server.send("GET", "/dst/m").status == 404)
            let done = try await server.complete(
                "/dst/m",
                upload,
                [(1, first.header("etag")), (5, second.header("etag"))]
            )
            #expect(done.status == 200, "\(done.text)")
            let tag = try #require(
                MultipartTag.text(of: [Self.md5("hello "), Self.md5("world")])
            )
            #expect(done.element("ETag") == "&quot;\(tag)&quot;")
            #expect(done.element("Bucket") == "dst" && done.element("Key") == "m")
            #expect(done.element("Location") == "http://\(server.host)/dst/m")
            let object = try await server.send("GET", "/dst/m")
            #expect(object.body == TestServer.hello && object.header("etag") == "\"\(tag)\"")
            #expect(object.header("x-amz-meta-k") == "v")
            #expect(object.header("content-type") == "text/plain")
            // The same again is harmless; a part afterwards is not possible.
            let again = try await server.complete(
                "/dst/m",
                upload,
                [(1, first.header("etag")), (5, second.header("etag"))]
            )
            #expect(again.status == 200 && again.element("ETag") == done.element("ETag"))
            let late = try await server.part("/dst/m", upload, 2, "x")
            #expect(late.code == "NoSuchUpload" && late.element("UploadId") == upload)
        }
    }

    @Test("Case 89: an upload is known under its own key only")
    func unknown() async throws {
        try await TestServer.run { server in
            let upload = try await server.create("/dst/m")
            for (path, id) in [("/dst/other", upload), ("/dst/m", "x"), ("/dst/m", "")] {
                for answer in [
                    try await server.part(path, id, 1, "x"),
                    try await server.complete(path, id, [(1, "\"a\"")]),
                    try await server.send("GET", "\(path)?uploadId=\(id)"),
                    try await server.send("DELETE", "\(path)?uploadId=\(id)"),
                    try await server.copy("src/o", "\(path)?partNumber=1&uploadId=\(id)"),
                ] {
                    #expect(answer.status == 404 && answer.code == "NoSuchUpload")
                    #expect(answer.element("UploadId") == id)
                }
            }
            #expect(try await server.send("POST", "/none/m?uploads").code == "NoSuchBucket")
        }
    }

    @Test("A bucket goes with the uploads that are open in it, but they stay if it does not go")
    func bucketWithUploads() async throws {
        try await TestServer.run { server in
            let kept = try await server.create("/src/m")
            let refused = try await server.send("DELETE", "/src")
            #expect(refused.status == 409 && refused.code == "BucketNotEmpty")
            #expect(try await server.send("GET", "/src/m?uploadId=\(kept)").status == 200)

            for key in ["a", "b", "b"] { _ = try await server.create("/dst/\(key)") }
            #expect(try await server.send("DELETE", "/dst").status == 204)
            #expect(try await server.send("HEAD", "/dst").status == 404)
            #expect(try await server.send("PUT", "/dst").status == 200)
            let uploads = try await server.send("GET", "/dst?uploads")
            #expect(uploads.status == 200 && uploads.elements("UploadId").isEmpty)
        }
    }

    @Test("Case 90: part numbers are 1 to 10,000", arguments: ["0", "-1", "10001", "", "x"])
    func numbers(text: String) async throws {
        try await TestServer.run { server in
            let upload = try await server.create("/dst/m")
            let target = "/dst/m?partNumber=\(text)&uploadId=\(upload)"
            for answer in [
                try await server.send("PUT", target, body: [1]),
                try await server.copy("src/o", target),
            ] {
                #expect(answer.status == 400 && answer.code == "InvalidArgument")
                #expect(answer.element("ArgumentName") == "partNumber")
                #expect(
                    answer.element("Message")
                        == "Part number must be an integer between 1 and 10000, inclusive"
                )
            }
        }
    }

    @Test("Case 91: a part that comes again takes the place of the first")
    func again() async throws {
        try await TestServer.run { server in
            let upload = try await server.create("/dst/m")
            let old = try await server.part("/dst/m", upload, 1, "old")
            let new = try await server.part("/dst/m", upload, 1, "new")
            let wrong = try await server.complete("/dst/m", upload, [(1, old.header("etag"))])
            #expect(wrong.status == 400 && wrong.code == "InvalidPart")
            #expect(wrong.element("UploadId") == upload && wrong.element("PartNumber") == "1")
            #expect(wrong.element("ETag") == Self.md5("old"))
            let right = try await server.complete("/dst/m", upload, [(1, new.header("etag"))])
            #expect(right.status == 200)
            #expect(try await server.send("GET", "/dst/m").text == "new")
        }
    }

    @Test("Wrong lists are refused by name, and the upload stays open")
    func lists() async throws {
        try await TestServer.run { server in
            await server.store.demand(partBytes: 4)
            let upload = try await server.create("/dst/m")
            let small = try await server.part("/dst/m", upload, 1, "abc").header("etag")
            let large = try await server.part("/dst/m", upload, 2, "hello").header("etag")
            func complete(_ parts: (Int, String?)...) async throws -> RawAnswer {
                try await server.complete("/dst/m", upload, parts.map { ($0.0, $0.1) })
            }
            let order = try await complete((2, large), (1, small))
            #expect(order.code == "InvalidPartOrder" && order.element("UploadId") == upload)
            #expect(try await complete((2, large), (2, large)).code == "InvalidPartOrder")
            #expect(try await complete((9_999, large)).code == "InvalidPart")
            let tooSmall = try await complete((1, small), (2, large))
            #expect(tooSmall.status == 400 && tooSmall.code == "EntityTooSmall")
            #expect(tooSmall.element("ProposedSize") == "3")
            #expect(tooSmall.element("MinSizeAllowed") == "4")
            #expect(tooSmall.element("PartNumber") == "1")
            let none = try await complete()
            #expect(none.code == "InvalidRequest")
            #expect(none.element("Message") == "You must specify at least one part")
            let empty = try await server.send("POST", "/dst/m?uploadId=\(upload)")
            #expect(empty.code == "MalformedXML")
            let size = try await server.complete(
                "/dst/m",
                upload,
                [(2, large)],
                ["x-amz-mp-object-size": "6"]
            )
            #expect(
                size.element("Message") == "The provided 'x-amz-mp-object-size' header value 6 "
                    + "does not match what was computed: 5"
            )
            let done = try await server.complete(
                "/dst/m",
                upload,
                [(2, large)],
                ["x-amz-mp-object-size": "5"]
            )
            #expect(done.status == 200, "\(done.text)")
        }
    }

    @Test("A list of parts is protected like any body")
    func listIntegrity() async throws {
        try await TestServer.run { server in
            let upload = try await server.create("/dst/m")
            let tag = try await server.part("/dst/m", upload, 1, "x").header("etag")
            let answer = try await server.complete(
                "/dst/m",
                upload,
                [(1, tag)],
                ["Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="]
            )
            #expect(answer.code == "BadDigest")
            #expect(try await server.send("GET", "/dst/m").status == 404)
        }
    }

    @Test("A completion can depend on what is there")
    func conditions() async throws {
        try await TestServer.run { server in
            let upload = try await server.create("/src/o")
            let tag = try await server.part("/src/o", upload, 1, "x").header("etag")
            func complete(_ name: String, _ value: String) async throws -> RawAnswer {
                try await server.complete("/src/o", upload, [(1, tag)], [name: value])
            }
            let exists = try await complete("If-None-Match", "*")
            #expect(exists.status == 412 && exists.element("Condition") == "If-None-Match")
            let other = try await complete("If-Match", "\"x\"")
            #expect(other.status == 412 && other.element("Condition") == "If-Match")
            #expect(try await complete("If-Match", "*").status == 501)
            #expect(try await complete("If-Match", TestServer.helloETag).status == 200)
            let fresh = try await server.create("/dst/new")
            let part = try await server.part("/dst/new", fresh, 1, "x").header("etag")
            let absent = try await server.complete(
                "/dst/new",
                fresh,
                [(1, part)],
                ["If-Match": "\"x\""]
            )
            #expect(absent.status == 404 && absent.code == "NoSuchKey")
            let first = try await server.complete(
                "/dst/new",
                fresh,
                [(1, part)],
                ["If-None-Match": "*"]
            )
            #expect(first.status == 200)
        }
    }

    @Test("An aborted upload is gone, and its object never was")
    func abort() async throws {
        try await TestServer.run { server in
            let upload = try await server.create("/dst/m")
            let tag = try await server.part("/dst/m", upload, 1, "x").header("etag")
            let conditional = try await server.send(
                "DELETE",
                "/dst/m?uploadId=\(upload)",
                ["x-amz-if-match-initiated-time": "x"]
            )
            #expect(conditional.status == 501)
            #expect(try await server.send("DELETE", "/dst/m?uploadId=\(upload)").status == 204)
            #expect(
                try await server.send("DELETE", "/dst/m?uploadId=\(upload)").code == "NoSuchUpload"
            )
            #expect(
                try await server.complete("/dst/m", upload, [(1, tag)]).code == "NoSuchUpload"
            )
            #expect(try await server.send("GET", "/dst/m").status == 404)
        }
    }

    @Test("What an upload asks for is checked when it begins")
    func begin() async throws {
        try await TestServer.run { server in
            for (headers, code) in [
                (["x-amz-storage-class": "FOO"], "InvalidStorageClass"),
                (["x-amz-server-side-encryption": "AES256"], "NotImplemented"),
                (["x-amz-tagging": "a=b&a=c"], "InvalidArgument"),
                (["x-amz-acl": "open"], "InvalidArgument"),
                (["x-amz-checksum-type": "COMPOSITE"], "InvalidRequest"),
                (["x-amz-checksum-algorithm": "FOO"], "InvalidRequest"),
                (["x-amz-checksum-algorithm": "SHA512"], "NotImplemented"),
            ] as [(KeyValuePairs<String, String>, String)] {
                let answer = try await server.send("POST", "/dst/m?uploads", headers)
                #expect(answer.code == code, "\(headers)")
            }
            let reduced = try await server.create(
                "/dst/m",
                ["x-amz-storage-class": "REDUCED_REDUNDANCY"]
            )
            let tag = try await server.part("/dst/m", reduced, 1, "x").header("etag")
            _ = try await server.complete("/dst/m", reduced, [(1, tag)])
            let head = try await server.send("HEAD", "/dst/m")
            #expect(head.header("x-amz-storage-class") == "REDUCED_REDUNDANCY")
        }
    }

    @Test("A part is checked like an object")
    func partChecks() async throws {
        try await TestServer.run { server in
            let upload = try await server.create("/dst/m")
            for (headers, code) in [
                (["Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="], "BadDigest"),
                (["x-amz-checksum-crc32": "AAAAAA=="], "BadDigest"),
                (["x-amz-checksum-sha512": "AAAA"], "NotImplemented"),
                (["x-amz-server-side-encryption-customer-key": "x"], "NotImplemented"),
            ] as [(KeyValuePairs<String, String>, String)] {
                let answer = try await server.part("/dst/m", upload, 1, "hello", headers)
                #expect(answer.code == code, "\(headers)")
            }
            let payload = try await server.send(
                "PUT",
                "/dst/m?partNumber=1&uploadId=\(upload)",
                body: Array("hello".utf8),
                payload: PayloadHash(of: Array("other".utf8))
            )
            #expect(payload.code == "XAmzContentSHA256Mismatch")
            let page = try await server.send("GET", "/dst/m?uploadId=\(upload)")
            #expect(page.elements("PartNumber").isEmpty)
        }
    }

    @Test("Case 79: parts of an object can be read, those of its copy are forgotten")
    func readParts() async throws {
        try await TestServer.run { server in
            let upload = try await server.create("/dst/m")
            var tags: [(number: Int, etag: String?)] = []
            for (number, text) in [(2, "hello "), (4, "world"), (9, "!")] {
                let part = try await server.part("/dst/m", upload, number, text)
                tags.append((number, part.header("etag")))
            }
            #expect(try await server.complete("/dst/m", upload, tags).status == 200)
            let etag = try await server.send("HEAD", "/dst/m").header("etag")
            for (number, text, range) in [
                (1, "hello ", "bytes 0-5/12"), (2, "world", "bytes 6-10/12"),
                (3, "!", "bytes 11-11/12"),
            ] {
                let part = try await server.send("GET", "/dst/m?partNumber=\(number)")
                #expect(part.status == 206 && part.text == text)
                #expect(part.header("content-range") == range)
                #expect(part.header("x-amz-mp-parts-count") == "3")
                #expect(part.header("etag") == etag && etag?.hasSuffix("-3\"") == true)
                let head = try await server.send("HEAD", "/dst/m?partNumber=\(number)")
                #expect(head.header("content-length") == "\(text.utf8.count)")
                #expect(head.header("x-amz-mp-parts-count") == "3")
            }
            #expect(try await server.send("GET", "/dst/m").header("x-amz-mp-parts-count") == nil)
            let beyond = try await server.send("GET", "/dst/m?partNumber=4")
            #expect(beyond.status == 416 && beyond.code == "InvalidPartNumber")
            let both = try await server.send(
                "GET",
                "/dst/m?partNumber=1",
                ["Range": "bytes=0-1"]
            )
            #expect(both.status == 400 && both.code == "InvalidRequest")
            #expect(try await server.copy("dst/m", "/dst/copy").status == 200)
            #expect(try await server.send("HEAD", "/dst/copy").header("etag") == etag)
            #expect(try await server.send("HEAD", "/dst/copy?partNumber=2").status == 416)
            let whole = try await server.send("GET", "/dst/copy?partNumber=1")
            #expect(whole.text == "hello world!")
            #expect(whole.header("x-amz-mp-parts-count") == nil)
        }
    }

    // MARK: Lists

    @Test("Parts are listed page by page")
    func listParts() async throws {
        try await TestServer.run { server in
            let upload = try await server.create(
                "/dst/m",
                ["x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": "FULL_OBJECT"]
            )
            for number in [3, 1, 20, 7] {
                _ = try await server.part("/dst/m", upload, number, "part \(number)")
            }
            let all = try await server.send("GET", "/dst/m?uploadId=\(upload)")
            #expect(all.elements("PartNumber") == ["1", "3", "7", "20"])
            #expect(all.elements("Size") == ["6", "6", "6", "7"])
            #expect(all.elements("ChecksumCRC32").count == 4)
            #expect(all.elements("ETag").first == "&quot;\(Self.md5("part 1"))&quot;")
            for (name, value) in [
                ("Bucket", "dst"), ("Key", "m"), ("UploadId", upload), ("MaxParts", "1000"),
                ("IsTruncated", "false"), ("PartNumberMarker", "0"), ("StorageClass", "STANDARD"),
                ("NextPartNumberMarker", "20"), ("ChecksumAlgorithm", "CRC32"),
                ("ChecksumType", "FULL_OBJECT"), ("ID", "owner-id"),
            ] {
                #expect(all.element(name) == value, "\(name)")
            }
            let first = try await server.send("GET", "/dst/m?uploadId=\(upload)&max-parts=3")
            #expect(first.elements("PartNumber") == ["1", "3", "7"])
            #expect(first.element("IsTruncated") == "true")
            #expect(first.element("NextPartNumberMarker") == "7")
            let second = try await server.send(
                "GET",
                "/dst/m?uploadId=\(upload)&max-parts=3&part-number-marker=7"
            )
            #expect(second.elements("PartNumber") == ["20"])
            #expect(second.element("IsTruncated") == "false")
            let none = try await server.send("GET", "/dst/m?uploadId=\(upload)&max-parts=0")
            #expect(none.elements("PartNumber").isEmpty && none.element("IsTruncated") == "true")
            let beyond = try await server.send(
                "GET",
                "/dst/m?uploadId=\(upload)&part-number-marker=2147483647"
            )
            #expect(beyond.status == 200 && beyond.elements("PartNumber").isEmpty)
            for query in ["max-parts=-1", "max-parts=x", "part-number-marker=-1"] {
                let answer = try await server.send("GET", "/dst/m?uploadId=\(upload)&\(query)")
                #expect(answer.status == 400 && answer.code == "InvalidArgument")
            }
        }
    }

    @Test("Uploads are listed with prefixes, delimiters and markers")
    func listUploads() async throws {
        try await TestServer.run { server in
            var ids: [String: [String]] = [:]
            for key in ["a/x", "a/y", "b", "b", "c%2B%20d"] {
                ids[key, default: []].append(try await server.create("/dst/\(key)"))
            }
            let all = try await server.send("GET", "/dst?uploads")
            #expect(all.elements("Key") == ["a/x", "a/y", "b", "b", "c+ d"])
            #expect(all.element("IsTruncated") == "false" && all.element("Bucket") == "dst")
            #expect(all.element("NextKeyMarker") == nil)
            let encoded = try await server.send("GET", "/dst?uploads&encoding-type=url")
            #expect(encoded.elements("Key").last == "c%2B%20d")
            let grouped = try await server.send("GET", "/dst?uploads&delimiter=/")
            #expect(grouped.elements("Key") == ["b", "b", "c+ d"])
            #expect(grouped.element("CommonPrefixes") == "<Prefix>a/</Prefix>")
            let prefixed = try await server.send("GET", "/dst?uploads&prefix=a/")
            #expect(prefixed.elements("Key") == ["a/x", "a/y"])
            var seen: [String] = []
            var query = ""
            for _ in 0..<10 {
                let page = try await server.send("GET", "/dst?uploads&max-uploads=2\(query)")
                seen += page.elements("UploadId")
                guard page.element("IsTruncated") == "true" else { break }
                let key = PercentEncoding.encode(Array((page.element("NextKeyMarker") ?? "").utf8))
                query =
                    "&key-marker=\(key)&upload-id-marker="
                    + (page.element("NextUploadIdMarker") ?? "")
            }
            #expect(seen == all.elements("UploadId") && seen.count == 5)
            let behind = try await server.send("GET", "/dst?uploads&key-marker=b")
            #expect(behind.elements("Key") == ["c+ d"])
            // Without a key, the marker of an upload means nothing.
            let only = try await server.send("GET", "/dst?uploads&upload-id-marker=x")
            #expect(only.elements("Key").count == 5)
            for query in ["key-marker=b&upload-id-marker=x", "max-uploads=-1", "encoding-type=x"] {
                let answer = try await server.send("GET", "/dst?uploads&\(query)")
                #expect(answer.status == 400 && answer.code == "InvalidArgument", "\(query)")
            }
            #expect(try await server.send("GET", "/none?uploads").code == "NoSuchBucket")
        }
    }
}
