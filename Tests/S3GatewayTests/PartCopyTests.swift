import Coordinator
import Crypto
import S3Gateway
import S3Protocol
import StoreModel
import Testing

/// UploadPartCopy: the acceptance cases 82 to 97, and answers that come late.
struct PartCopyTests {
    /// Copies into part `number` of an upload of `/dst/m`.
    private func copy(
        _ server: TestServer,
        _ upload: String,
        _ number: Int = 1,
        source: String = "src/o",
        _ headers: KeyValuePairs<String, String> = [:]
    ) async throws -> RawAnswer {
        try await server.copy(source, "/dst/m?partNumber=\(number)&uploadId=\(upload)", headers)
    }

    @Test("Cases 82 and 97: a whole source becomes a part; metadata is that of the upload")
    func whole() async throws {
        try await TestServer.run { server in
            let upload = try await server.create("/dst/m", ["x-amz-meta-own": "yes"])
            let part = try await self.copy(server, upload)
            #expect(part.status == 200)
            #expect(part.text.contains("<CopyPartResult xmlns=\"\(XMLWriter.namespace)\">"))
            #expect(part.element("ETag") == "&quot;\(TestServer.helloETag)&quot;")
            #expect(part.element("LastModified")?.hasSuffix(".000Z") == true)
            #expect(part.header("x-triolet-copy-mode") == "reference")
            #expect(part.header("x-triolet-copy-bytes-moved") == "0")
            let done = try await server.complete("/dst/m", upload, [(1, part.element("ETag"))])
            #expect(done.status == 200, "\(done.text)")
            let object = try await server.send("GET", "/dst/m")
            #expect(object.body == TestServer.hello && object.header("x-amz-meta-own") == "yes")
            #expect(object.header("x-amz-meta-k1") == nil)
            #expect(object.header("cache-control") == nil)
            #expect(object.header("etag")?.hasSuffix("-1\"") == true)
        }
    }

    @Test("Case 83: ranges of a small source have the MD5 of their bytes")
    func ranges() async throws {
        try await TestServer.run { server in
            let digits = Array("0123456789".utf8)
            _ = try await server.send("PUT", "/src/digits", body: digits)
            let upload = try await server.create("/dst/m")
            for (number, (range, etag)) in [
                ("bytes=0-8", "22975d8a5ed1b91445f6c55ac121505b"),
                ("bytes=1-1", "c4ca4238a0b923820dcc509a6f75849b"),
                ("bytes=0-0", "cfcd208495d565ef66e7dff9f98764da"),
            ].enumerated() {
                let part = try await self.copy(
                    server,
                    upload,
                    number + 1,
                    source: "src/digits",
                    ["x-amz-copy-source-range": range]
                )
                #expect(part.element("ETag") == "&quot;\(etag)&quot;", "\(part.text)")
            }
            let page = try await server.send("GET", "/dst/m?uploadId=\(upload)")
            #expect(page.elements("Size") == ["9", "1", "1"])
        }
    }

    @Test("Cases 84 and 85: other ranges are refused in S3's words")
    func badRanges() async throws {
        try await TestServer.run { server in
            let upload = try await server.create("/dst/m")
            for (range, code, message) in [
                ("bytes=1-", "InvalidArgument", "must be of the form bytes=first-last"),
                ("0-8", "InvalidArgument", "must be of the form bytes=first-last"),
                ("bytes=0-100", "InvalidArgument", "not valid for source object of size: 11"),
                ("bytes=100-200", "InvalidRequest", "invalid for the source object size"),
                ("bytes=0-18446744073709551615", "InvalidArgument", "of size: 11"),
            ] {
                let answer = try await self.copy(
                    server,
                    upload,
                    1,
                    ["x-amz-copy-source-range": range]
                )
                #expect(answer.status == 400 && answer.code == code, "\(range)")
                #expect(answer.element("Message")?.contains(message) == true, "\(answer.text)")
                if code == "InvalidArgument" {
                    #expect(answer.element("ArgumentValue") == range)
                }
            }
        }
    }

    @Test("Case 88: conditions on the source are those of CopyObject")
    func conditions() async throws {
        try await TestServer.run { server in
            let upload = try await server.create("/dst/m")
            _ = try await server.part("/dst/m", upload, 7, "stays")
            for (name, value, condition) in [
                ("if-match", "\"x\"", "If-Match"),
                ("if-none-match", "\"\(TestServer.helloETag)\"", "If-None-Match"),
                ("if-modified-since", server.now.httpDate, "If-Modified-Since"),
            ] {
                let answer = try await self.copy(
                    server,
                    upload,
                    1,
                    ["x-amz-copy-source-\(name)": value]
                )
                #expect(answer.status == 412 && answer.code == "PreconditionFailed")
                #expect(answer.element("Condition") == "x-amz-copy-source-\(condition)")
            }
            let match = try await self.copy(
                server,
                upload,
                1,
                ["x-amz-copy-source-if-match": "\"\(TestServer.helloETag)\""]
            )
            #expect(match.status == 200)
            let page = try await server.send("GET", "/dst/m?uploadId=\(upload)")
            #expect(page.elements("PartNumber") == ["1", "7"])
        }
    }

    @Test("A missing source is named; other versions do not exist")
    func sources() async throws {
        try await TestServer.run { server in
            let upload = try await server.create("/dst/m")
            let key = try await self.copy(server, upload, source: "src/none")
            #expect(key.status == 404 && key.code == "NoSuchKey" && key.element("Key") == "none")
            let bucket = try await self.copy(server, upload, source: "none/o")
            #expect(bucket.code == "NoSuchBucket" && bucket.element("BucketName") == "none")
            let null = try await self.copy(server, upload, source: "src/o?versionId=null")
            #expect(null.status == 200)
            let version = try await self.copy(server, upload, source: "src/o?versionId=v1")
            #expect(version.code == "InvalidArgument")
            let form = try await self.copy(server, upload, source: "wrongformat")
            #expect(form.element("Message") == "Invalid copy source object key")
        }
    }

    @Test("The copy mode of a part is passed on, and the answer says how it was made")
    func mode() async throws {
        try await TestServer.run { server in
            let upload = try await server.create("/dst/m")
            for (asked, made, moved) in [
                ("independent", "independent", "11"), ("reference", "reference", "0"),
                ("automatic", "reference", "0"),
            ] {
                let part = try await self.copy(server, upload, 1, ["x-triolet-copy-mode": asked])
                #expect(part.status == 200)
                #expect(part.header("x-triolet-copy-mode") == made)
                #expect(part.header("x-triolet-copy-bytes-moved") == moved)
                #expect(await server.store.partCopies.last?.mode.rawValue == asked)
            }
            let wrong = try await self.copy(server, upload, 1, ["x-triolet-copy-mode": "Quick"])
            #expect(wrong.status == 400 && wrong.code == "InvalidArgument")
            #expect(wrong.element("ArgumentName") == "x-triolet-copy-mode")
            #expect(wrong.element("ArgumentValue") == "Quick")
        }
    }

    @Test("Cases 92 to 94: mixed parts, a source that goes, an upload that is aborted")
    func mixed() async throws {
        try await TestServer.run { server in
            let upload = try await server.create("/dst/m")
            let sent = try await server.part("/dst/m", upload, 1, "sent ")
            let copied = try await self.copy(server, upload, 2)
            let aborted = try await server.create("/dst/a")
            _ = try await server.copy("src/o", "/dst/a?partNumber=1&uploadId=\(aborted)")
            #expect(try await server.send("DELETE", "/dst/a?uploadId=\(aborted)").status == 204)
            #expect(try await server.send("GET", "/src/o").body == TestServer.hello)
            #expect(try await server.send("DELETE", "/src/o").status == 204)
            let done = try await server.complete(
                "/dst/m",
                upload,
                [(1, sent.header("etag")), (2, copied.element("ETag"))]
            )
            #expect(done.status == 200)
            #expect(try await server.send("GET", "/dst/m").text == "sent hello world")
        }
    }

    // MARK: Late answers

    private var soon: S3Settings {
        var settings = S3Settings()
        settings.lateAnswerDelay = .milliseconds(20)
        settings.lateAnswerInterval = .milliseconds(10)
        return settings
    }

    /// What follows the declaration and the spaces of an answer that came late.
    private func rest(_ answer: RawAnswer) -> Substring {
        #expect(answer.status == 200 && answer.isChunked)
        #expect(answer.text.hasPrefix(XMLWriter.declaration + " "), "\(answer.text)")
        return answer.text.dropFirst(XMLWriter.declaration.utf8.count).drop { $0 == " " }
    }

    @Test("A slow part copy and a slow completion show life before their results")
    func late() async throws {
        try await TestServer.run(self.soon) { server in
            let upload = try await server.create("/dst/m")
            await server.store.cause(.init(copyDelay: .seconds(1)))
            let part = try await self.copy(server, upload)
            #expect(self.rest(part).hasPrefix("<CopyPartResult xmlns="))
            let done = try await server.complete("/dst/m", upload, [(1, part.element("ETag"))])
            #expect(self.rest(done).hasPrefix("<CompleteMultipartUploadResult xmlns="))
            #expect(try await server.send("GET", "/dst/m").body == TestServer.hello)
        }
    }

    @Test("A late failure is an Error without a namespace, and nothing is stored")
    func lateFailure() async throws {
        try await TestServer.run(self.soon) { server in
            let upload = try await server.create("/dst/m")
            let tag = try await server.part("/dst/m", upload, 1, "x").header("etag")
            await server.store.cause(
                .init(copyDelay: .seconds(1), copyFailure: .quorumUnavailable)
            )
            for answer in [
                try await self.copy(server, upload),
                try await server.complete("/dst/m", upload, [(1, tag)]),
            ] {
                let rest = self.rest(answer)
                #expect(rest.hasPrefix("<Error><Code>ServiceUnavailable</Code>"))
                #expect(rest.hasSuffix("</Error>"))
            }
            #expect(try await server.send("GET", "/dst/m").status == 404)
        }
    }

    @Test("An early failure of any kind has its own status")
    func early() async throws {
        try await TestServer.run { server in
            let upload = try await server.create("/dst/m")
            let tag = try await server.part("/dst/m", upload, 1, "x").header("etag")
            for code in ClusterError.Code.allCases {
                await server.store.cause(.init(copyFailure: code))
                for answer in [
                    try await self.copy(server, upload),
                    try await server.complete("/dst/m", upload, [(1, tag)]),
                ] {
                    #expect(answer.status >= 400 && answer.code != nil, "\(code)")
                }
            }
        }
    }
}
