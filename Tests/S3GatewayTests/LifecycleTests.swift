import S3Gateway
import StoreModel
import Testing

/// Lifecycle rules as clients write and read them.
struct LifecycleTests {
    private static func document(_ rules: String...) -> [UInt8] {
        let list = rules.map { "<Rule>\($0)</Rule>" }.joined()
        return Array("<LifecycleConfiguration>\(list)</LifecycleConfiguration>".utf8)
    }

    /// A rule that is right, with something more in it.
    private static func rule(_ more: String, filter: String = "<Filter/>") -> String {
        "\(filter)<Status>Enabled</Status>\(more)"
    }

    private static let days = "<Expiration><Days>1</Days></Expiration>"

    private static func set(
        _ server: TestServer,
        _ rules: String...
    ) async throws -> RawAnswer {
        let list = rules.map { "<Rule>\($0)</Rule>" }.joined()
        return try await server.send(
            "PUT",
            "/src?lifecycle",
            body: Array("<LifecycleConfiguration>\(list)</LifecycleConfiguration>".utf8)
        )
    }

    @Test(
        "A document is shown as it was written",
        arguments: [
            "<Prefix>logs/</Prefix><Status>Enabled</Status>\(days)",
            "<Prefix></Prefix><Status>Disabled</Status>\(days)",
            "<Filter></Filter><Status>Enabled</Status>\(days)",
            "<Filter><Prefix>a&amp;b</Prefix></Filter><Status>Enabled</Status>\(days)",
            "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter><Status>Enabled</Status>"
                + days,
            "<Filter><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></Filter>"
                + "<Status>Enabled</Status>\(days)",
            "<Filter><And><Prefix>p</Prefix><Tag><Key>k</Key><Value>v</Value></Tag>"
                + "<ObjectSizeGreaterThan>0</ObjectSizeGreaterThan>"
                + "<ObjectSizeLessThan>10</ObjectSizeLessThan></And></Filter>"
                + "<Status>Enabled</Status>\(days)",
            "<Filter></Filter><Status>Enabled</Status>"
                + "<Expiration><Date>2030-01-02T00:00:00.000Z</Date></Expiration>",
            "<Filter></Filter><Status>Enabled</Status><Expiration>"
                + "<ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>"
                + "<NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays>"
                + "<NewerNoncurrentVersions>2</NewerNoncurrentVersions>"
                + "</NoncurrentVersionExpiration>",
            "<Filter><Prefix>up/</Prefix></Filter><Status>Enabled</Status>"
                + "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>"
                + "</AbortIncompleteMultipartUpload>",
        ]
    )
    func shown(rule: String) async throws {
        try await TestServer.run { server async throws in
            let wanted = "<Rule><ID>one</ID>\(rule)</Rule>"
            let answer = try await Self.set(server, "<ID>one</ID>\(rule)")
            #expect(answer.status == 200)
            let shown = try await server.send("GET", "/src?lifecycle")
            #expect(shown.status == 200 && shown.text.contains(wanted), "\(shown.text)")
        }
    }

    @Test("Rules are replaced as a whole and removed; nothing else of the bucket is touched")
    func life() async throws {
        try await TestServer.run { server async throws in
            let none = try await server.send("GET", "/src?lifecycle")
            #expect(none.status == 404 && none.code == "NoSuchLifecycleConfiguration")
            #expect(try await Self.set(server, Self.rule(Self.days)).status == 200)
            let first = try await server.send("GET", "/src?lifecycle").text
            #expect(first.contains("<Days>1</Days>"))
            let abort =
                "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>"
                + "</AbortIncompleteMultipartUpload>"
            #expect(try await Self.set(server, Self.rule(abort)).status == 200)
            let second = try await server.send("GET", "/src?lifecycle").text
            #expect(second.contains("DaysAfterInitiation") && !second.contains("<Days>"))
            #expect(try await server.send("DELETE", "/src?lifecycle").status == 204)
            #expect(try await server.send("GET", "/src?lifecycle").status == 404)
            #expect(try await server.send("DELETE", "/src?lifecycle").status == 204)
            #expect(try await server.send("PUT", "/none?lifecycle").status == 404)
            let other = try await server.as("AKIAALICE").send("GET", "/src?lifecycle")
            #expect(other.code == "AccessDenied")
        }
    }

    @Test("A rule without an id gets one of its own, the same each time")
    func ids() async throws {
        try await TestServer.run { server async throws in
            let rule = Self.rule(Self.days)
            #expect(try await Self.set(server, rule, rule, "<ID/>\(rule)").status == 200)
            let text = try await server.send("GET", "/src?lifecycle").text
            let ids = text.split(separator: "<ID>").dropFirst().map {
                String($0.prefix { $0 != "<" })
            }
            #expect(Set(ids).count == 3 && ids.allSatisfy { $0.hasPrefix("rule-") })
            _ = try await Self.set(server, rule, rule, rule)
            #expect(try await server.send("GET", "/src?lifecycle").text == text)
        }
    }

    @Test(
        "What cannot be is refused with the code of S3, and nothing is set",
        arguments: [
            ("", 400, "MalformedXML"), (rule(""), 400, "InvalidRequest"),
            ("<Status>Enabled</Status>\(days)", 400, "MalformedXML"),
            ("<Filter/>\(days)", 400, "MalformedXML"),
            ("<Filter/><Status>enabled</Status>\(days)", 400, "MalformedXML"),
            ("<Filter/><Prefix/><Status>Enabled</Status>\(days)", 400, "MalformedXML"),
            (rule("\(days)\(days)"), 400, "MalformedXML"),
            (rule("\(days)<Other/>"), 400, "MalformedXML"),
            (rule("<Expiration/>"), 400, "MalformedXML"),
            (rule("<Expiration><Days>0</Days></Expiration>"), 400, "InvalidArgument"),
            (rule("<Expiration><Days>-1</Days></Expiration>"), 400, "InvalidArgument"),
            (rule("<Expiration><Days>3000000000</Days></Expiration>"), 400, "InvalidArgument"),
            (rule("<Expiration><Days>x</Days></Expiration>"), 400, "MalformedXML"),
            (rule("<Expiration><Date>20200101</Date></Expiration>"), 400, "MalformedXML"),
            (
                rule("<Expiration><Date>2030-01-02T00:00:01Z</Date></Expiration>"), 400,
                "InvalidArgument"
            ),
            (
                rule("<Expiration><Days>1</Days><Date>2030-01-02</Date></Expiration>"), 400,
                "MalformedXML"
            ),
            (
                rule(
                    "<NoncurrentVersionExpiration><NoncurrentDays>0</NoncurrentDays>"
                        + "</NoncurrentVersionExpiration>"
                ), 400, "InvalidArgument"
            ),
            (
                rule(
                    "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>"
                        + "<NewerNoncurrentVersions>101</NewerNoncurrentVersions>"
                        + "</NoncurrentVersionExpiration>"
                ), 400, "InvalidArgument"
            ),
            (
                rule(
                    days,
                    filter: "<Filter><Prefix>a</Prefix><Tag><Key>k</Key><Value>v</Value></Tag>"
                        + "</Filter>"
                ), 400, "MalformedXML"
            ),
            (
                rule(
                    days,
                    filter: "<Filter><And><Tag><Key>k</Key><Value>v</Value></Tag>"
                        + "<Tag><Key>k</Key><Value>w</Value></Tag></And></Filter>"
                ), 400, "InvalidRequest"
            ),
            (
                rule(
                    "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7"
                        + "</DaysAfterInitiation></AbortIncompleteMultipartUpload>",
                    filter: "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>"
                ), 400, "InvalidRequest"
            ),
            (
                rule(
                    "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>"
                        + "</Expiration>",
                    filter: "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>"
                ), 400, "InvalidRequest"
            ),
            (
                rule("<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>"),
                501, "NotImplemented"
            ),
            (
                "<ID>\(String(repeating: "x", count: 256))</ID>\(rule(days))", 400,
                "InvalidArgument"
            ),
        ]
    )
    func refused(rule: String, status: Int, code: String) async throws {
        try await TestServer.run { server async throws in
            let answer = try await Self.set(server, rule)
            #expect(answer.status == status && answer.code == code, "\(answer.text)")
            #expect(try await server.send("GET", "/src?lifecycle").status == 404)
        }
    }

    @Test("Ids are different, and rules not more than 1,000, nor longer than what is kept of them")
    func limits() async throws {
        try await TestServer.run { server async throws in
            let rule = "<ID>a</ID>" + Self.rule(Self.days)
            let same = try await Self.set(server, rule, rule)
            #expect(same.code == "InvalidArgument")
            func many(_ count: Int, _ id: (Int) -> String) -> [UInt8] {
                let list = (0..<count).map {
                    "<Rule><ID>\(id($0))</ID>\(Self.rule(Self.days))</Rule>"
                }
                let text = list.joined()
                return Array("<LifecycleConfiguration>\(text)</LifecycleConfiguration>".utf8)
            }
            let short: (Int) -> String = { "\($0)" }
            let most = try await server.send("PUT", "/src?lifecycle", body: many(1_000, short))
            #expect(most.status == 200)
            let more = try await server.send("PUT", "/src?lifecycle", body: many(1_001, short))
            #expect(more.code == "MalformedXML")
            let long: (Int) -> String = { "\($0)" + String(repeating: "x", count: 200) }
            let big = try await server.send("PUT", "/src?lifecycle", body: many(500, long))
            #expect(big.status == 400 && big.code == "MaxMessageLengthExceeded")
            let empty = try await server.send(
                "PUT",
                "/src?lifecycle",
                body: Array("<LifecycleConfiguration/>".utf8)
            )
            #expect(empty.code == "MalformedXML")
        }
    }

    @Test("PUT, HEAD and GET tell when an object goes and by which rule")
    func header() async throws {
        try await TestServer.run { server async throws in
            #expect(try await server.send("HEAD", "/src/o").header("x-amz-expiration") == nil)
            let tagged = "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>"
            let set = try await Self.set(
                server,
                "<ID>all of it</ID>"
                    + Self.rule("<Expiration><Days>3</Days></Expiration>"),
                "<ID>t</ID>" + Self.rule(Self.days, filter: tagged)
            )
            #expect(set.status == 200)
            // Stored on 14 November 2023 at 22:13:20.
            let third = "expiry-date=\"Sat, 18 Nov 2023 00:00:00 GMT\", rule-id=\"all%20of%20it\""
            let first = "expiry-date=\"Thu, 16 Nov 2023 00:00:00 GMT\", rule-id=\"t\""
            for method in ["HEAD", "GET"] {
                let answer = try await server.send(method, "/src/o")
                #expect(answer.header("x-amz-expiration") == third)
            }
            let put = try await server.send("PUT", "/src/t", ["x-amz-tagging": "k=v"])
            #expect(put.header("x-amz-expiration") == first)
            #expect(try await server.send("HEAD", "/src/t").header("x-amz-expiration") == first)
            #expect(try await server.send("PUT", "/dst/t").header("x-amz-expiration") == nil)
            let copied = try await server.copy("src/t", "/src/u")
            #expect(copied.header("x-amz-expiration") == first)
        }
    }

    @Test("What a client says of the smallest object that moves is told again")
    func sizes() async throws {
        try await TestServer.run { server async throws in
            let name = "x-amz-transition-default-minimum-object-size"
            let body = Self.document(Self.rule(Self.days))
            let plain = try await server.send("PUT", "/src?lifecycle", body: body)
            #expect(plain.header(name) == "all_storage_classes_128K")
            let varying = try await server.send(
                "PUT",
                "/src?lifecycle",
                [name: "varies_by_storage_class"],
                body: body
            )
            #expect(varying.status == 200)
            let shown = try await server.send("GET", "/src?lifecycle")
            #expect(shown.header(name) == "varies_by_storage_class")
            let wrong = try await server.send("PUT", "/src?lifecycle", [name: "x"], body: body)
            #expect(wrong.code == "InvalidArgument")
        }
    }
}
