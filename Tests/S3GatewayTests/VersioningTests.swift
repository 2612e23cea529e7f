import S3Protocol
import StoreModel
import Testing

/// Buckets that keep versions, as clients see them.
struct VersioningTests {
    private static func configuration(_ inner: String) -> [UInt8] {
        Array(
            ("<VersioningConfiguration xmlns=\"\(XMLWriter.namespace)\">"
                + "\(inner)</VersioningConfiguration>").utf8
        )
    }

    /// Runs `body` on a server whose bucket `src` keeps versions; `src/o` is its null version.
    private static func run(
        _ body: (TestServer) async throws -> Void
    ) async throws {
        try await TestServer.run { server in
            try await Self.set("Enabled", server)
            try await body(server)
        }
    }

    private static func set(_ status: String, _ server: TestServer) async throws {
        let body = Self.configuration("<Status>\(status)</Status>")
        #expect(try await server.send("PUT", "/src?versioning", body: body).status == 200)
    }

    private static func put(_ server: TestServer, _ text: String) async throws -> String {
        let put = try await server.send("PUT", "/src/o", body: Array(text.utf8))
        #expect(put.status == 200)
        return try #require(put.header("x-amz-version-id"))
    }

    private static func delete(_ server: TestServer, _ inner: String) async throws -> RawAnswer {
        let body = Array("<Delete>\(inner)</Delete>".utf8)
        return try await server.send("POST", "/src?delete", body: body)
    }

    @Test("Versioning is unset, enabled and suspended, and nothing else")
    func configuration() async throws {
        try await TestServer.run { server async throws in
            let unset = try await server.send("GET", "/src?versioning")
            #expect(
                unset.text.hasSuffix(
                    "<VersioningConfiguration xmlns=\"\(XMLWriter.namespace)\">"
                        + "</VersioningConfiguration>"
                )
            )
            for status in ["Enabled", "Suspended", "Enabled"] {
                try await Self.set(status, server)
                let shown = try await server.send("GET", "/src?versioning")
                #expect(shown.element("Status") == status)
            }
            for (inner, code) in [
                ("", "IllegalVersioningConfigurationException"),
                ("<Status>enabled</Status>", "MalformedXML"),
                ("<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>", "NotImplemented"),
                ("<Status>Enabled</Status><MfaDelete>x</MfaDelete>", "MalformedXML"),
            ] {
                let body = Self.configuration(inner)
                let answer = try await server.send("PUT", "/src?versioning", body: body)
                #expect(answer.code == code, "\(inner)")
            }
            let mfa = "<Status>Suspended</Status><MfaDelete>Disabled</MfaDelete>"
            #expect(
                try await server.send(
                    "PUT",
                    "/src?versioning",
                    body: Self.configuration(mfa)
                ).status == 200
            )
            let other = Array("<Versioning/>".utf8)
            #expect(
                try await server.send("PUT", "/src?versioning", body: other).code
                    == "MalformedXML"
            )
            #expect(
                try await server.send("PUT", "/src?versioning").code == "MissingRequestBodyError"
            )
            #expect(try await server.send("GET", "/none?versioning").code == "NoSuchBucket")
            let set = Self.configuration("<Status>Enabled</Status>")
            #expect(
                try await server.send("PUT", "/none?versioning", body: set).code == "NoSuchBucket"
            )
        }
    }

    @Test("A bucket that never kept versions names none, and its objects are the version null")
    func never() async throws {
        try await TestServer.run { server in
            let put = try await server.send("PUT", "/src/k", body: [1])
            #expect(put.header("x-amz-version-id") == nil)
            for target in ["/src/k", "/src/k?versionId=null"] {
                let shown = try await server.send("GET", target)
                #expect(shown.status == 200 && shown.header("x-amz-version-id") == nil)
            }
            let copied = try await server.copy("src/k?versionId=null", "/dst/k")
            #expect(copied.status == 200)
            #expect(copied.header("x-amz-version-id") == nil)
            #expect(copied.header("x-amz-copy-source-version-id") == nil)
            let listed = try await server.send("GET", "/src?versions")
            #expect(listed.elements("Key") == ["k", "o"])
            #expect(listed.elements("VersionId") == ["null", "null"])
            #expect(listed.elements("IsLatest") == ["true", "true"])
            let deleted = try await Self.delete(
                server,
                "<Object><Key>k</Key><VersionId>null</VersionId></Object>"
            )
            #expect(deleted.element("VersionId") == "null")
            #expect(deleted.element("DeleteMarker") == nil)
            let gone = try await server.send("DELETE", "/src/o?versionId=null")
            #expect(gone.status == 204 && gone.header("x-amz-version-id") == nil)
            #expect(try await server.send("GET", "/src?versions").elements("Key").isEmpty)
        }
    }

    @Test("Each write has its id, and each version is read, looked at and copied by it")
    func versions() async throws {
        try await Self.run { server in
            let first = try await Self.put(server, "first")
            let second = try await Self.put(server, "second!")
            #expect(first != second && VersionName(first) != nil)
            for (query, text, id) in [
                ("", "second!", second), ("?versionId=\(first)", "first", first),
                ("?versionId=\(second)", "second!", second),
                ("?versionId=null", "hello world", "null"),
            ] {
                let shown = try await server.send("GET", "/src/o\(query)")
                #expect(shown.text == text && shown.header("x-amz-version-id") == id)
                let head = try await server.send("HEAD", "/src/o\(query)")
                #expect(head.header("content-length") == "\(text.utf8.count)")
                #expect(head.header("x-amz-version-id") == id)
            }
            #expect(try await server.send("GET", "/src/o?acl&versionId=\(first)").status == 200)
            let copied = try await server.copy("src/o?versionId=\(first)", "/src/c")
            #expect(copied.header("x-amz-copy-source-version-id") == first)
            #expect(copied.header("x-amz-version-id") != nil)
            #expect(try await server.send("GET", "/src/c").text == "first")
            let old = try await server.copy("src/o?versionId=null", "/src/c")
            #expect(old.header("x-amz-copy-source-version-id") == nil)
            let restored = try await server.copy("src/o?versionId=\(first)", "/src/o")
            #expect(restored.status == 200, "An old version is copied onto the new one.")
            #expect(try await server.send("GET", "/src/o").text == "first")
        }
    }

    @Test("Ids that are none, and ids of nothing")
    func ids() async throws {
        try await Self.run { server in
            let unknown = String(repeating: "ab", count: 16)
            for target in ["/src/o?versionId=x", "/src/o?versionId=\(unknown)0"] {
                for method in ["GET", "DELETE"] {
                    let answer = try await server.send(method, target)
                    #expect(answer.status == 400 && answer.code == "InvalidArgument")
                    #expect(answer.element("Message") == "Invalid version id specified")
                    #expect(answer.element("ArgumentName") == "versionId")
                }
            }
            let empty = try await server.send("GET", "/src/o?versionId=")
            #expect(empty.element("Message") == "Version id cannot be the empty string")
            let missing = try await server.send("GET", "/src/o?versionId=\(unknown)")
            #expect(missing.status == 404 && missing.code == "NoSuchVersion")
            #expect(missing.element("Key") == "o" && missing.element("VersionId") == unknown)
            let copied = try await server.copy("src/o?versionId=\(unknown)", "/dst/c")
            #expect(copied.status == 404 && copied.code == "NoSuchVersion")
            let deleted = try await server.send("DELETE", "/src/o?versionId=\(unknown)")
            #expect(deleted.status == 204, "Deleting nothing succeeds.")
            #expect(deleted.header("x-amz-version-id") == unknown)
        }
    }

    @Test("A delete marker hides a key, says so, and gives it back when it is deleted")
    func marker() async throws {
        try await Self.run { server in
            let made = try await Self.put(server, "kept")
            let deleted = try await server.send("DELETE", "/src/o")
            #expect(deleted.status == 204)
            #expect(deleted.header("x-amz-delete-marker") == "true")
            let marker = try #require(deleted.header("x-amz-version-id"))
            let hidden = try await server.send("GET", "/src/o")
            #expect(hidden.status == 404 && hidden.code == "NoSuchKey")
            #expect(hidden.header("x-amz-delete-marker") == "true")
            #expect(hidden.header("x-amz-version-id") == marker)
            for method in ["GET", "HEAD"] {
                let named = try await server.send(method, "/src/o?versionId=\(marker)")
                #expect(named.status == 405)
                #expect(named.header("x-amz-delete-marker") == "true")
                #expect(named.header("x-amz-version-id") == marker)
                #expect(named.header("last-modified") == server.now.httpDate)
                #expect(named.header("allow") == "DELETE")
                if method == "GET" {
                    #expect(named.code == "MethodNotAllowed")
                    #expect(named.element("ResourceType") == "DeleteMarker")
                }
            }
            #expect(try await server.copy("src/o", "/dst/c").code == "NoSuchKey")
            let copied = try await server.copy("src/o?versionId=\(marker)", "/dst/c")
            #expect(copied.status == 400 && copied.code == "InvalidRequest")
            #expect(
                copied.element("Message")
                    == "The source of a copy request may not specifically refer to a delete "
                    + "marker by version id."
            )
            #expect(try await server.send("GET", "/src").elements("Key").isEmpty)
            #expect(try await server.send("GET", "/src/o?versionId=\(made)").text == "kept")
            let back = try await server.send("DELETE", "/src/o?versionId=\(marker)")
            #expect(back.status == 204 && back.header("x-amz-version-id") == marker)
            #expect(back.header("x-amz-delete-marker") == "true")
            #expect(try await server.send("GET", "/src/o").text == "kept")
            let gone = try await server.send("DELETE", "/src/o?versionId=\(made)")
            #expect(gone.header("x-amz-version-id") == made)
            #expect(gone.header("x-amz-delete-marker") == nil)
            #expect(try await server.send("GET", "/src/o").text == "hello world")
        }
    }

    @Test("Where versions are kept no more, writes and markers are the version null")
    func suspended() async throws {
        try await Self.run { server in
            let kept = try await Self.put(server, "kept")
            try await Self.set("Suspended", server)
            for text in ["a", "b"] {
                let put = try await server.send("PUT", "/src/o", body: Array(text.utf8))
                #expect(put.status == 200 && put.header("x-amz-version-id") == nil)
                let shown = try await server.send("GET", "/src/o")
                #expect(shown.text == text && shown.header("x-amz-version-id") == "null")
            }
            let copied = try await server.copy("dst/none", "/src/o")
            #expect(copied.code == "NoSuchKey")
            let renewed = try await server.copy("src/o?versionId=null", "/src/o")
            #expect(renewed.header("x-amz-version-id") == "null")
            let listed = try await server.send("GET", "/src?versions")
            #expect(listed.elements("VersionId") == ["null", kept])
            let deleted = try await server.send("DELETE", "/src/o")
            #expect(deleted.header("x-amz-version-id") == "null")
            #expect(deleted.header("x-amz-delete-marker") == "true")
            let hidden = try await server.send("GET", "/src?versions")
            #expect(hidden.elements("VersionId") == ["null", kept])
            #expect(hidden.elements("DeleteMarker").count == 1)
        }
    }

    @Test("Versions and markers are listed in order, with all that is known of them, in pages")
    func list() async throws {
        try await Self.run { server in
            let first = try await Self.put(server, "1")
            let second = try await Self.put(server, "22")
            #expect(try await server.send("DELETE", "/src/o").status == 204)
            #expect(try await server.send("PUT", "/src/d%2F/x%20y").status == 200)
            let all = try await server.send("GET", "/src?versions")
            #expect(all.text.contains("<ListVersionsResult xmlns=\"\(XMLWriter.namespace)\">"))
            #expect(all.element("Name") == "src" && all.element("MaxKeys") == "1000")
            #expect(all.element("KeyMarker") == "" && all.element("VersionIdMarker") == "")
            #expect(all.element("IsTruncated") == "false")
            #expect(all.elements("Key") == ["d//x y", "o", "o", "o", "o"])
            #expect(all.elements("IsLatest") == ["true", "true", "false", "false", "false"])
            #expect(Array(all.elements("VersionId")[2...]) == [second, first, "null"])
            #expect(all.elements("Size") == ["0", "2", "1", "11"])
            #expect(all.elements("DeleteMarker").count == 1)
            #expect(all.elements("ID").count == 5 && all.element("StorageClass") == "STANDARD")
            let marker = try #require(all.elements("DeleteMarker").first)
            #expect(!marker.contains("ETag") && !marker.contains("StorageClass"))
            var ids: [String] = []
            var query = ""
            repeat {
                let page = try await server.send("GET", "/src?versions&max-keys=1\(query)")
                ids += page.elements("VersionId")
                query = ""
                if let key = page.element("NextKeyMarker") {
                    #expect(page.element("IsTruncated") == "true")
                    let version = page.element("NextVersionIdMarker") ?? ""
                    #expect(version == ids.last)
                    let encoded = PercentEncoding.encode(key.utf8)
                    query = "&key-marker=\(encoded)&version-id-marker=\(version)"
                }
            } while !query.isEmpty
            #expect(ids == all.elements("VersionId"))
            let grouped = try await server.send(
                "GET",
                "/src?versions&delimiter=/&encoding-type=url&prefix="
            )
            #expect(grouped.elements("CommonPrefixes") == ["<Prefix>d/</Prefix>"])
            #expect(grouped.element("EncodingType") == "url")
            let encoded = try await server.send("GET", "/src?versions&encoding-type=url")
            #expect(encoded.element("Key") == "d//x%20y")
            let alone = try await server.send("GET", "/src?versions&version-id-marker=null")
            #expect(alone.code == "InvalidArgument")
        }
    }

    @Test("Many versions are deleted at once, and each is told of")
    func deleteMany() async throws {
        try await Self.run { server in
            let first = try await Self.put(server, "1")
            let hidden = try await Self.delete(server, "<Object><Key>o</Key></Object>")
            #expect(hidden.element("DeleteMarker") == "true")
            let marker = try #require(hidden.element("DeleteMarkerVersionId"))
            #expect(hidden.element("VersionId") == nil)
            let objects = [marker, first, "null", "rubbish"].map {
                "<Object><Key>o</Key><VersionId>\($0)</VersionId></Object>"
            }.joined()
            let answer = try await Self.delete(server, objects)
            let deleted = answer.elements("Deleted")
            #expect(deleted.count == 3)
            #expect(deleted[0].contains("<VersionId>\(marker)</VersionId>"))
            #expect(
                deleted[0].contains("<DeleteMarkerVersionId>\(marker)</DeleteMarkerVersionId>")
            )
            #expect(deleted[1].contains(first) && !deleted[1].contains("DeleteMarker"))
            #expect(deleted[2].contains("<VersionId>null</VersionId>"))
            #expect(answer.elements("Error").count == 1 && answer.code == "NoSuchVersion")
            #expect(try await server.send("GET", "/src?versions").elements("Key").isEmpty)
            #expect(try await server.send("DELETE", "/src").status == 204)
        }
    }

    @Test("Tags and lists are those of one version")
    func edits() async throws {
        try await Self.run { server in
            let first = try await Self.put(server, "1")
            let second = try await Self.put(server, "2")
            let tags = Array(
                "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>".utf8
            )
            let target = "/src/o?tagging&versionId=\(first)"
            let set = try await server.send("PUT", target, body: tags)
            #expect(set.status == 200 && set.header("x-amz-version-id") == first)
            let shown = try await server.send("GET", target)
            #expect(shown.element("Value") == "v" && shown.header("x-amz-version-id") == first)
            let other = try await server.send("GET", "/src/o?tagging")
            #expect(other.element("Value") == nil)
            #expect(other.header("x-amz-version-id") == second)
            let deleted = try await server.send("DELETE", "/src/o")
            let marker = try #require(deleted.header("x-amz-version-id"))
            #expect(
                try await server.send("GET", "/src/o?acl&versionId=\(marker)").status == 405
            )
            #expect(try await server.send("GET", "/src/o?tagging").code == "NoSuchKey")
        }
    }

    @Test("An upload becomes a version, and parts are copied of old ones")
    func uploads() async throws {
        try await Self.run { server in
            let first = try await Self.put(server, "old")
            _ = try await Self.put(server, "new")
            let begun = try await server.send("POST", "/src/o?uploads")
            let upload = try #require(begun.element("UploadId"))
            let part = try await server.copy(
                "src/o?versionId=\(first)",
                "/src/o?partNumber=1&uploadId=\(upload)"
            )
            #expect(part.header("x-amz-copy-source-version-id") == first)
            let etag = try #require(part.element("ETag"))
            let list =
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\(etag)</ETag>"
                + "</Part></CompleteMultipartUpload>"
            let done = try await server.send(
                "POST",
                "/src/o?uploadId=\(upload)",
                body: Array(list.utf8)
            )
            let made = try #require(done.header("x-amz-version-id"))
            #expect(try await server.send("GET", "/src/o?versionId=\(made)").text == "old")
        }
    }
}
