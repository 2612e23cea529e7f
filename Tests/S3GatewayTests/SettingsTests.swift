import S3Gateway
import Testing

/// Tags, and what pages of other sites may do.
struct SettingsTests {
    private static func tagging(_ tags: [(String, String)]) -> [UInt8] {
        let list = tags.map { "<Tag><Key>\($0.0)</Key><Value>\($0.1)</Value></Tag>" }.joined()
        return Array("<Tagging><TagSet>\(list)</TagSet></Tagging>".utf8)
    }

    @Test("Tags come with an object, are counted, replaced and removed")
    func objectTags() async throws {
        try await TestServer.run { server async throws in
            let put = try await server.send(
                "PUT",
                "/src/t",
                ["x-amz-tagging": "kind=cat&where=on%20the+mat"]
            )
            #expect(put.status == 200)
            let head = try await server.send("HEAD", "/src/t")
            #expect(head.header("x-amz-tagging-count") == "2")
            let shown = try await server.send("GET", "/src/t?tagging").text
            #expect(shown.contains("<Tag><Key>kind</Key><Value>cat</Value></Tag>"))
            #expect(shown.contains("<Tag><Key>where</Key><Value>on the mat</Value></Tag>"))
            let etag = head.header("etag")
            let set = try await server.send(
                "PUT",
                "/src/t?tagging",
                body: Self.tagging([("a", "b")])
            )
            #expect(set.status == 200)
            let after = try await server.send("HEAD", "/src/t")
            #expect(after.header("x-amz-tagging-count") == "1" && after.header("etag") == etag)
            #expect(try await server.send("DELETE", "/src/t?tagging").status == 204)
            #expect(try await server.send("HEAD", "/src/t").header("x-amz-tagging-count") == nil)
            #expect(try await server.send("GET", "/src/none?tagging").code == "NoSuchKey")
        }
    }

    @Test("A copy has the tags of its source, unless it is told which")
    func copiedTags() async throws {
        try await TestServer.run { server async throws in
            #expect(try await server.send("PUT", "/src/t", ["x-amz-tagging": "a=b"]).status == 200)
            #expect(try await server.copy("src/t", "/dst/kept").status == 200)
            #expect(try await server.send("GET", "/dst/kept?tagging").text.contains("<Key>a</Key>"))
            let replaced = try await server.copy(
                "src/t",
                "/dst/new",
                ["x-amz-tagging-directive": "REPLACE", "x-amz-tagging": "c=d"]
            )
            #expect(replaced.status == 200)
            let tags = try await server.send("GET", "/dst/new?tagging").text
            #expect(tags.contains("<Key>c</Key>") && !tags.contains("<Key>a</Key>"))
        }
    }

    @Test("Tags beyond the limits are refused")
    func limits() async throws {
        try await TestServer.run { server async throws in
            let many = (0..<11).map { ("k\($0)", "v") }
            let long = String(repeating: "x", count: 129)
            for tags in [
                many, [(long, "v")], [("k", long + long)], [("", "v")], [("a", "b"), ("a", "c")],
                [("aws:x", "v")], [("a{", "v")],
            ] {
                let answer = try await server.send(
                    "PUT",
                    "/src/o?tagging",
                    body: Self.tagging(tags)
                )
                #expect(answer.status == 400 && answer.code == "InvalidTag", "\(tags)")
            }
            let most = (0..<10).map { ("k\($0)", "v") }
            #expect(
                try await server.send("PUT", "/src/o?tagging", body: Self.tagging(most)).status
                    == 200
            )
            let wrong = try await server.send(
                "PUT",
                "/src/o?tagging",
                body: Array("<Tagging/>".utf8)
            )
            #expect(wrong.code == "MalformedXML")
            for (tags, code) in [
                ("a=b&a=c", "InvalidArgument"), ("k1=v1,k2=v2", "InvalidArgument"),
                ("a=%ZZ", "InvalidArgument"), ("a=%00", "InvalidTag"),
                (many.map { "\($0.0)=v" }.joined(separator: "&"), "BadRequest"),
            ] {
                let header = try await server.send("PUT", "/src/p", ["x-amz-tagging": tags])
                #expect(header.status == 400 && header.code == code, "\(tags)")
            }
        }
    }

    @Test("A bucket has tags of its own")
    func bucketTags() async throws {
        try await TestServer.run { server async throws in
            #expect(try await server.send("GET", "/src?tagging").code == "NoSuchTagSet")
            let set = try await server.send("PUT", "/src?tagging", body: Self.tagging([("a", "b")]))
            #expect(set.status == 204)
            #expect(try await server.send("GET", "/src?tagging").text.contains("<Key>a</Key>"))
            #expect(try await server.send("DELETE", "/src?tagging").status == 204)
            #expect(try await server.send("GET", "/src?tagging").status == 404)
        }
    }

    private static let cors = Array(
        """
        <CORSConfiguration><CORSRule><AllowedOrigin>https://*.example.com</AllowedOrigin>\
        <AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>\
        <AllowedHeader>x-amz-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader>\
        <MaxAgeSeconds>60</MaxAgeSeconds></CORSRule></CORSConfiguration>
        """.utf8
    )

    private static func preflight(
        _ server: TestServer,
        _ target: String,
        origin: String?,
        method: String? = "PUT",
        headers: String? = nil
    ) async throws -> RawAnswer {
        var lines = ["OPTIONS \(target) HTTP/1.1", "Host: \(server.host)"]
        if let origin { lines.append("Origin: \(origin)") }
        if let method { lines.append("Access-Control-Request-Method: \(method)") }
        if let headers { lines.append("Access-Control-Request-Headers: \(headers)") }
        return try await server.exchange(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8))
    }

    @Test("A browser is told what its page may do, without credentials")
    func preflight() async throws {
        try await TestServer.run { server async throws in
            let page = "https://shop.example.com"
            let early = try await Self.preflight(server, "/src/o", origin: page)
            #expect(early.status == 403 && early.code == "AccessForbidden")
            #expect(try await server.send("PUT", "/src?cors", body: Self.cors).status == 200)
            let shown = try await server.send("GET", "/src?cors").text
            #expect(shown.contains("<AllowedOrigin>https://*.example.com</AllowedOrigin>"))
            let answer = try await Self.preflight(
                server,
                "/src/o",
                origin: page,
                headers: "X-Amz-Date, x-amz-meta-a"
            )
            #expect(answer.status == 200 && answer.body.isEmpty)
            #expect(answer.header("access-control-allow-origin") == page)
            #expect(answer.header("access-control-allow-methods") == "GET, PUT")
            #expect(answer.header("access-control-allow-headers") == "x-amz-date, x-amz-meta-a")
            #expect(answer.header("access-control-max-age") == "60")
            #expect(answer.header("vary")?.contains("Origin") == true)
            for refused in [
                try await Self.preflight(server, "/src/o", origin: "https://example.org"),
                try await Self.preflight(server, "/src/o", origin: page, method: "DELETE"),
                try await Self.preflight(server, "/src/o", origin: page, headers: "Cookie"),
                try await Self.preflight(server, "/dst/o", origin: page),
            ] {
                #expect(refused.status == 403 && refused.code == "AccessForbidden")
                #expect(refused.header("access-control-allow-origin") == nil)
            }
            #expect(try await Self.preflight(server, "/src/o", origin: nil).status == 400)
            #expect(
                try await Self.preflight(server, "/src/o", origin: page, method: nil).status == 400
            )
        }
    }

    @Test("Answers to a page carry what its browser needs, errors too")
    func answers() async throws {
        try await TestServer.run { server async throws in
            #expect(try await server.send("PUT", "/src?cors", body: Self.cors).status == 200)
            let page = "https://shop.example.com"
            for (target, status) in [("/src/o", 200), ("/src/none", 404)] {
                let answer = try await server.send("GET", target, ["Origin": page])
                #expect(answer.status == status)
                #expect(answer.header("access-control-allow-origin") == page)
                #expect(answer.header("access-control-expose-headers") == "ETag")
            }
            let other = try await server.send("GET", "/src/o", ["Origin": "https://example.org"])
            #expect(other.status == 200 && other.header("access-control-allow-origin") == nil)
            #expect(try await server.send("DELETE", "/src?cors").status == 204)
            let after = try await server.send("GET", "/src/o", ["Origin": page])
            #expect(after.header("access-control-allow-origin") == nil)
        }
    }

    @Test(
        "CORS rules that browsers would misunderstand are refused",
        arguments: [
            "<CORSConfiguration></CORSConfiguration>",
            """
            <CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin></CORSRule>\
            </CORSConfiguration>
            """,
            """
            <CORSConfiguration><CORSRule><AllowedOrigin>*.*</AllowedOrigin><AllowedMethod>GET\
            </AllowedMethod></CORSRule></CORSConfiguration>
            """,
            """
            <CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>PATCH\
            </AllowedMethod></CORSRule></CORSConfiguration>
            """,
            """
            <CORSConfiguration><CORSRule><AllowedOrigin>a&#10;b</AllowedOrigin><AllowedMethod>GET\
            </AllowedMethod></CORSRule></CORSConfiguration>
            """,
        ]
    )
    func malformedCORS(text: String) async throws {
        try await TestServer.run { server async throws in
            #expect(try await server.send("PUT", "/src?cors", body: Array(text.utf8)).status == 400)
        }
    }
}
