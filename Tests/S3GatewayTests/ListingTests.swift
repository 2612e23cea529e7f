import S3Protocol
import Testing

struct ListingTests {
    private static let keys = ["a", "b/1", "b/2", "c/x/1", "d e+f", "z&<"]

    private func run(_ body: (TestServer) async throws -> Void) async throws {
        try await TestServer.run { server in
            for key in Self.keys {
                let target = "/dst/" + PercentEncoding.encode(key.utf8, escapingSlash: false)
                #expect(try await server.send("PUT", target, body: Array(key.utf8)).status == 200)
            }
            try await body(server)
        }
    }

    @Test("Version 2 lists keys in order, with what is known of them")
    func all() async throws {
        try await self.run { server in
            let answer = try await server.send("GET", "/dst?list-type=2")
            #expect(answer.elements("Key") == ["a", "b/1", "b/2", "c/x/1", "d e+f", "z&amp;&lt;"])
            #expect(answer.element("KeyCount") == "6" && answer.element("IsTruncated") == "false")
            #expect(answer.element("ETag") == "&quot;0cc175b9c0f1b6a831c399e269772661&quot;")
            #expect(answer.element("LastModified") == "2023-11-14T22:13:20.000Z")
            #expect(answer.element("Size") == "1" && answer.element("StorageClass") == "STANDARD")
            #expect(answer.element("Owner") == nil)
            let owned = try await server.send("GET", "/dst?list-type=2&fetch-owner=true")
            #expect(owned.element("ID") == "owner-id")
        }
    }

    @Test("Pages follow each other without gaps, with prefixes rolled up", arguments: 1...4)
    func pages(size: Int) async throws {
        try await self.run { server in
            var names: [String] = []
            var token: String?
            var pages = 0
            repeat {
                let more =
                    token.map { "&continuation-token=\(PercentEncoding.encode($0.utf8))" } ?? ""
                let target =
                    "/dst?list-type=2&delimiter=%2F&encoding-type=url&max-keys=\(size)\(more)"
                let answer = try await server.send("GET", target)
                #expect(answer.element("EncodingType") == "url")
                #expect(answer.element("MaxKeys") == "\(size)")
                names += answer.elements("Key")
                names += answer.elements("CommonPrefixes").map { "\($0.dropFirst(8).dropLast(9))" }
                token = answer.element("NextContinuationToken")
                #expect((token != nil) == (answer.element("IsTruncated") == "true"))
                pages += 1
            } while token != nil && pages < 10
            #expect(names.sorted() == ["a", "b/", "c/", "d%20e%2Bf", "z%26%3C"])
        }
    }

    @Test("Version 1 goes on behind its marker")
    func versionOne() async throws {
        try await self.run { server in
            let first = try await server.send("GET", "/dst?delimiter=/&max-keys=2")
            #expect(first.elements("Key") == ["a"])
            #expect(first.element("NextMarker") == "b/" && first.element("IsTruncated") == "true")
            #expect(first.element("ID") == "owner-id")
            let rest = try await server.send("GET", "/dst?delimiter=/&marker=b%2F")
            #expect(rest.element("Marker") == "b/")
            #expect(rest.elements("Key") == ["d e+f", "z&amp;&lt;"])
            #expect(rest.text.contains("<CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes>"))
            let plain = try await server.send("GET", "/dst?max-keys=1")
            #expect(plain.element("NextMarker") == nil && plain.element("IsTruncated") == "true")
        }
    }

    @Test("Control characters in keys: exact in lists, encoded on demand, replaced in errors")
    func controlCharacters() async throws {
        try await self.run { server in
            #expect(try await server.send("PUT", "/dst/q%00%01%0A", body: [1]).status == 200)
            for version in ["", "list-type=2&"] {
                let plain = try await server.send("GET", "/dst?\(version)prefix=q")
                #expect(plain.element("Key") == "q&#x0;&#x1;&#xA;")
                let encoded = try await server.send(
                    "GET",
                    "/dst?\(version)prefix=q&encoding-type=url"
                )
                #expect(encoded.element("Key") == "q%00%01%0A")
                // What comes from the client is encoded, too.
                let prefix = try await server.send(
                    "GET",
                    "/dst?\(version)prefix=q%00&encoding-type=url"
                )
                #expect(prefix.element("Prefix") == "q%00")
            }
            let missing = try await server.send("GET", "/dst/q%00%01%0A%EF%BF%BF")
            #expect(missing.status == 404 && missing.code == "NoSuchKey")
            #expect(missing.element("Key") == "q\u{FFFD}\u{FFFD}&#xA;\u{FFFD}")
            let copy = try await server.copy("dst/none%01", "/dst/c")
            #expect(copy.code == "NoSuchKey" && copy.element("Key") == "none\u{FFFD}")
            let invalid = try await server.send("GET", "/dst?max-keys=%01")
            #expect(invalid.element("ArgumentValue") == "\u{FFFD}")
        }
    }

    @Test("Prefix, start-after, and nothing at all")
    func parts() async throws {
        try await self.run { server in
            let prefix = try await server.send("GET", "/dst?list-type=2&prefix=b%2F")
            #expect(prefix.elements("Key") == ["b/1", "b/2"])
            let after = try await server.send("GET", "/dst?list-type=2&start-after=c")
            #expect(after.elements("Key").first == "c/x/1")
            let none = try await server.send("GET", "/dst?list-type=2&max-keys=0")
            #expect(none.element("KeyCount") == "0" && none.element("IsTruncated") == "false")
            #expect(try await server.send("GET", "/none?list-type=2").code == "NoSuchBucket")
        }
    }

    @Test(
        "Parameters that cannot be are refused",
        arguments: [
            "list-type=3", "max-keys=-1", "max-keys=x", "max-keys=99999999999", "encoding-type=x",
            "list-type=2&continuation-token=x",
        ]
    )
    func wrong(query: String) async throws {
        try await TestServer.run { server async throws in
            #expect(try await server.send("GET", "/dst?\(query)").code == "InvalidArgument")
        }
    }
}
