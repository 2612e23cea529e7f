import S3Gateway
import S3Protocol
import StoreModel
import Testing

/// Forms, as browsers send them.
struct PostObjectTests {
    private typealias Fields = [(name: String, value: String)]

    /// A server whose bucket `open` everybody may write into.
    private static func run(
        _ body: @Sendable (TestServer) async throws -> Void
    ) async throws {
        try await TestServer.run { server in
            let bucket = try await server.send("PUT", "/open", ["x-amz-acl": "public-read-write"])
            #expect(bucket.status == 200)
            try await body(server)
        }
    }

    private static func form(
        _ fields: Fields,
        _ file: [UInt8]? = TestServer.hello,
        name: String = "cat.jpg",
        end: String =
            "\r\n--XyZ\r\nContent-Disposition: form-data; name=\"submit\"\r\n\r\nx\r\n--XyZ--"
    ) -> [UInt8] {
        var body = ""
        for field in fields {
            body += "--XyZ\r\nContent-Disposition: form-data; name=\"\(field.name)\"\r\n\r\n"
            body += "\(field.value)\r\n"
        }
        guard let file else { return Array("\(body)--XyZ--\r\n".utf8) }
        body += "--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\(name)\"\r\n"
        body += "Content-Type: image/jpeg\r\n\r\n"
        return Array(body.utf8) + file + Array(end.utf8)
    }

    private static func post(
        _ server: TestServer,
        _ bucket: String,
        _ body: [UInt8],
        type: String = "multipart/form-data; boundary=XyZ",
        headers: String = "",
        piece: Int = Int.max
    ) async throws -> RawAnswer {
        let head =
            "POST /\(bucket) HTTP/1.1\r\nHost: \(server.host)\r\nContent-Type: \(type)\r\n"
            + "\(headers)Content-Length: \(body.count)\r\n\r\n"
        return try await RawConnection.with(port: server.port) { connection in
            try await connection.send(head)
            var rest = body[...]
            while !rest.isEmpty {
                try await connection.send(Array(rest.prefix(piece)))
                rest = rest.dropFirst(piece)
            }
            return try await connection.answer()
        }
    }

    /// The fields with a policy that covers them, signed.
    private static func signed(
        _ server: TestServer,
        _ fields: Fields,
        conditions: String? = nil,
        expiration: String = "2030-01-01T00:00:00.000Z",
        policy: String? = nil
    ) -> Fields {
        let signer = RequestSigner(
            accessKey: server.user ?? "",
            secret: TestServer.secret,
            region: "us-east-1"
        )
        let names = ["x-amz-algorithm", "x-amz-credential", "x-amz-date"]
        let all =
            names.map { "[\"starts-with\", \"$\($0)\", \"\"]" }
            + [
                conditions
                    ?? fields.map { "{\"\($0.name)\": \"\($0.value)\"}" }.joined(separator: ",")
            ]
        let text =
            "{\"expiration\": \"\(expiration)\", \"conditions\": [\(all.joined(separator: ","))]}"
        return fields
            + signer.fields(policy: policy ?? text, at: server.now).map { ($0.name, $0.value) }
    }

    @Test("A form stores its file, in pieces of whatever size", arguments: [1, 7, Int.max])
    func pieces(piece: Int) async throws {
        try await Self.run { server async throws in
            let fields: Fields = [
                ("KEY", "user/${filename}"), ("Content-Type", "text/html"),
                ("x-amz-meta-Tag", "some"), ("acl", "public-read"),
                (
                    "tagging",
                    "<Tagging><TagSet><Tag><Key>a b</Key><Value>c</Value></Tag></TagSet></Tagging>"
                ),
            ]
            let content = Array(
                "hello\r\n--XyZ hello\r\n--Xy\r\r\n-".utf8.map { $0 == 0x5A ? 0x7A : $0 }
            )
            let body = Self.form(fields, content, name: "C:\\pictures\\cat.jpg")
            let answer = try await Self.post(server, "open", body, piece: piece)
            #expect(answer.status == 204 && answer.body.isEmpty)
            #expect(answer.header("location") == "http://\(server.host)/open/user%2Fcat.jpg")
            let stored = try await server.as(nil).send("GET", "/open/user/cat.jpg")
            #expect(stored.body == content)
            #expect(stored.header("etag") == answer.header("etag"))
            #expect(stored.header("content-type") == "text/html")
            #expect(stored.header("x-amz-meta-tag") == "some")
            let tags = try await server.send("GET", "/open/user/cat.jpg?tagging").text
            #expect(tags.contains("<Key>a b</Key><Value>c</Value>"))
        }
    }

    @Test("The form says how it is answered")
    func success() async throws {
        try await Self.run { server async throws in
            for (asked, status) in [("200", 200), ("201", 201), ("204", 204), ("404", 204)] {
                let form = Self.form([("key", "a&b"), ("success_action_status", asked)])
                let answer = try await Self.post(server, "open", form)
                #expect(answer.status == status)
                #expect(answer.header("etag") == "\"\(TestServer.helloETag)\"")
                if status == 201 {
                    #expect(answer.element("Bucket") == "open")
                    #expect(answer.element("Key") == "a&amp;b")
                    #expect(answer.element("ETag")?.contains(TestServer.helloETag) == true)
                    #expect(answer.element("Location") == answer.header("location"))
                } else {
                    #expect(answer.body.isEmpty)
                }
            }
            let query = "bucket=open&key=a%26b&etag=%22\(TestServer.helloETag)%22"
            for (url, location) in [
                ("http://x/y", "http://x/y?\(query)"),
                ("https://x/?a=b#c", "https://x/?a=b&\(query)#c"),
            ] {
                let form = Self.form([("key", "a&b"), ("success_action_redirect", url)])
                let answer = try await Self.post(server, "open", form)
                #expect(answer.status == 303 && answer.header("location") == location)
            }
            for url in ["javascript:x", "/here", "http://x/\r\nSet-Cookie: y", "http://x/\u{7F}"] {
                let form = Self.form([("key", "none"), ("redirect", url)])
                #expect(try await Self.post(server, "open", form).code == "InvalidArgument")
            }
            #expect(try await server.send("HEAD", "/open/none").status == 404)
        }
    }

    @Test("Without a policy the sender is nobody; with one, whoever signed it")
    func senders() async throws {
        try await Self.run { server async throws in
            let alice = server.as("AKIAALICE")
            #expect(try await alice.send("PUT", "/hers").status == 200)
            let plain = Self.form([("key", "o")])
            #expect(try await Self.post(server, "hers", plain).code == "AccessDenied")
            #expect(try await Self.post(server, "none", plain).code == "NoSuchBucket")
            for (sender, status) in [(alice, 204), (server, 204), (server.as("AKIABOB"), 403)] {
                let form = Self.form(Self.signed(sender, [("key", "o")]))
                #expect(try await Self.post(server, "hers", form).status == status)
            }
            let unknown = Self.form(Self.signed(server.as("AKIANOBODY"), [("key", "o")]))
            let answer = try await Self.post(server, "hers", unknown)
            #expect(answer.status == 403 && answer.code == "InvalidAccessKeyId")
            let policy = """
                {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": "*", \
                "Action": "s3:PutObject", "Resource": "arn:aws:s3:::hers/*", \
                "Condition": {"StringEquals": {"s3:authType": "POST"}}}}
                """
            let set = try await alice.send("PUT", "/hers?policy", body: Array(policy.utf8))
            #expect(set.status == 204)
            let denied = Self.form(Self.signed(alice, [("key", "p")]))
            #expect(try await Self.post(server, "hers", denied).code == "AccessDenied")
            #expect(try await alice.send("PUT", "/hers/p", body: [1]).status == 200)
        }
    }

    @Test("Any other signature is refused, and so are a missing field and version 2")
    func signatures() async throws {
        try await Self.run { server async throws in
            let right = Self.signed(server, [("key", "o")])
            for (index, field) in right.enumerated() where field.name != "key" {
                var fields = right
                fields.remove(at: index)
                let missing = try await Self.post(server, "src", Self.form(fields))
                #expect(missing.status == 400 && missing.code == "InvalidArgument", "\(field)")
            }
            var wrong = right
            wrong[wrong.count - 1].value = String(repeating: "0", count: 64)
            let answer = try await Self.post(server, "src", Self.form(wrong))
            #expect(answer.status == 403 && answer.code == "SignatureDoesNotMatch")
            let other = Self.signed(server, [("key", "o")], conditions: "{\"key\": \"p\"}")
            var mixed = right
            mixed[1] = other[1]
            let swapped = try await Self.post(server, "src", Self.form(mixed))
            #expect(swapped.code == "SignatureDoesNotMatch")
            let old: Fields = [("key", "o"), ("AWSAccessKeyId", "x"), ("signature", "y")]
            let second = try await Self.post(server, "open", Self.form(old))
            #expect(second.status == 400 && second.code == "InvalidRequest")
            let both = try await server.send("POST", "/src", body: Self.form([("key", "o")]))
            #expect(both.status == 400 && both.code == "InvalidArgument")
        }
    }

    @Test(
        "A policy lets through what it says, and nothing else",
        arguments: [
            (#"["eq", "$key", "u/o"], {"acl": "private"}"#, nil),
            (#"["STARTS-WITH", "$kEy", "u/"], ["starts-with", "$acl", ""]"#, nil),
            (#"{"key": "u/o"}, {"acl": "private"}, {"BUCKET": "src"}"#, nil),
            (#"{"key": "u/o"}, {"acl": "private"}, ["content-length-range", 11, "11"]"#, nil),
            (#"{"key": "u/o"}"#, "Extra input fields: acl"),
            (
                #"{"key": "u/o"}, {"acl": "public-read"}"#,
                #"Policy Condition failed: ["eq", "$acl", "public-read"]"#
            ),
            (
                #"["starts-with", "$key", "v/"], {"acl": "private"}"#,
                #"Policy Condition failed: ["starts-with", "$key", "v/"]"#
            ),
            (
                #"{"key": "u/o"}, {"acl": "private"}, {"bucket": "dst"}"#,
                #"Policy Condition failed: ["eq", "$bucket", "dst"]"#
            ),
            (
                #"{"key": "u/o"}, {"acl": "private"}, {"x-amz-meta-a": "b"}"#,
                #"Policy Condition failed: ["eq", "$x-amz-meta-a", "b"]"#
            ),
        ]
    )
    func conditions(conditions: String, refusal: String?) async throws {
        try await Self.run { server async throws in
            let fields: Fields = [("key", "u/${filename}"), ("acl", "private")]
            let signed =
                Self.signed(server, fields, conditions: conditions) + [("x-ignore-me", "x")]
            let answer = try await Self.post(server, "src", Self.form(signed, name: "o"))
            let stored = try await server.send("HEAD", "/src/u/o").status
            if let refusal {
                #expect(answer.status == 403 && answer.code == "AccessDenied" && stored == 404)
                let message = "Invalid according to Policy: \(refusal)"
                #expect(answer.element("Message")?.replacing("&quot;", with: "\"") == message)
            } else {
                #expect(answer.status == 204 && stored == 200, "\(answer.text)")
            }
        }
    }

    @Test("A file has the size that the policy demands, and a policy its time")
    func limits() async throws {
        try await Self.run { server async throws in
            for (range, code) in [
                ("0, 10", "EntityTooLarge"), ("12, 20", "EntityTooSmall"),
                ("0, 0", "EntityTooLarge"),
            ] {
                let conditions = #"{"key": "k"}, ["content-length-range", \#(range)]"#
                let form = Self.form(Self.signed(server, [("key", "k")], conditions: conditions))
                let answer = try await Self.post(server, "src", form)
                #expect(answer.status == 400 && answer.code == code)
            }
            let old = Self.signed(server, [("key", "k")], expiration: "2023-01-01T00:00:00Z")
            let answer = try await Self.post(server, "src", Self.form(old))
            #expect(answer.status == 403)
            #expect(answer.element("Message") == "Invalid according to Policy: Policy expired.")
            #expect(try await server.send("HEAD", "/src/k").status == 404)
        }
    }

    @Test(
        "A policy that cannot be understood is refused",
        arguments: [
            "", "[]", "{", #"{"expiration": "2030-01-01T00:00:00Z"}"#, #"{"conditions": []}"#,
            #"{"EXPIRATION": "2030-01-01T00:00:00Z", "conditions": []}"#,
            #"{"expiration": "2030-01-01", "conditions": []}"#,
            #"{"expiration": "tomorrow or even later.Z", "conditions": []}"#,
        ]
            + [
                "{}", #"{"a": "b", "c": "d"}"#, #"{"a": 1}"#, #"["eq", "key", "a"]"#,
                #"["eq", "$key"]"#, #"["like", "$key", "a"]"#, #"["content-length-range", 1]"#,
                #"["content-length-range", -1, 0]"#, #"["content-length-range", 2, 1]"#, #""key""#,
            ].map { #"{"expiration": "2030-01-01T00:00:00Z", "conditions": [\#($0)]}"# }
    )
    func malformedPolicy(policy: String) async throws {
        try await Self.run { server async throws in
            let form = Self.form(Self.signed(server, [("key", "o")], policy: policy))
            let answer = try await Self.post(server, "src", form)
            #expect(
                answer.status == 400 && answer.code == "InvalidPolicyDocument",
                "\(answer.text)"
            )
        }
    }

    @Test("A file is checked as every body is")
    func checks() async throws {
        try await Self.run { server async throws in
            for (name, value, code) in [
                ("Content-MD5", "XrY7u+Ae7tCTyyK7j1rNww==", nil),
                ("Content-MD5", "XrY7u+Ae7tCTyyK7j1rNwg==", "BadDigest"),
                ("x-amz-checksum-crc32", "DUoRhQ==", nil),
                ("x-amz-checksum-crc32", "DUoRhA==", "BadDigest"),
                ("x-amz-storage-class", "NONE", "InvalidStorageClass"),
                ("x-amz-server-side-encryption", "AES256", "NotImplemented"),
                ("acl", "what", "InvalidArgument"), ("tagging", "a=b", "MalformedXML"),
                ("x-amz-meta-a", "b\r\nc", "InvalidArgument"),
            ] as [(String, String, String?)] {
                let form = Self.form([("key", code ?? "good"), (name, value)])
                let answer = try await Self.post(server, "open", form)
                #expect(answer.code == code && (answer.status == 204) == (code == nil), "\(name)")
                if let code {
                    #expect(try await server.send("HEAD", "/open/\(code)").status == 404)
                }
            }
            let form = Self.form([("key", "good")])
            let again = try await Self.post(server, "open", form, headers: "If-None-Match: *\r\n")
            #expect(again.status == 412)
        }
    }

    @Test("Versions are kept of what forms store, and pages of other sites are told that they may")
    func versions() async throws {
        try await Self.run { server async throws in
            let versioning =
                "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
            let set = try await server.send("PUT", "/open?versioning", body: Array(versioning.utf8))
            #expect(set.status == 200)
            let rules = """
                <CORSConfiguration><CORSRule><AllowedOrigin>http://page</AllowedOrigin>\
                <AllowedMethod>POST</AllowedMethod></CORSRule></CORSConfiguration>
                """
            #expect(
                try await server.send("PUT", "/open?cors", body: Array(rules.utf8)).status == 200
            )
            var versions: Set<String?> = []
            for _ in 0..<2 {
                let answer = try await Self.post(
                    server,
                    "open",
                    Self.form([("key", "k")]),
                    type: "Multipart/Form-Data ; Boundary=XyZ",
                    headers: "Origin: http://page\r\n"
                )
                #expect(answer.status == 204)
                #expect(answer.header("access-control-allow-origin") == "http://page")
                versions.insert(answer.header("x-amz-version-id"))
            }
            #expect(versions.count == 2 && !versions.contains(nil))
        }
    }

    @Test("A form with nothing to store, or no name for it, is refused")
    func incomplete() async throws {
        try await Self.run { server async throws in
            let noKey = try await Self.post(server, "open", Self.form([]))
            #expect(noKey.code == "InvalidArgument")
            #expect(
                noKey.element("Message")
                    == "Bucket POST must contain a field named 'key'.  If it is specified, please "
                    + "check the order of the fields."
            )
            let empty = try await Self.post(server, "open", Self.form([("key", "")]))
            #expect(empty.code == "InvalidArgument")
            let noFile = try await Self.post(server, "open", Self.form([("key", "k")], nil))
            #expect(noFile.element("ArgumentName") == "file")
            let other = try await Self.post(server, "open", [1], type: "text/plain")
            #expect(other.status == 412)
        }
    }

    @Test("Nothing of a form that is broken is stored")
    func broken() async throws {
        try await Self.run { server async throws in
            let field = "--XyZ\r\nContent-Disposition: form-data; name="
            let many = (0..<1_000).map { ("f\($0)", "v") } as Fields
            for (body, type, code) in [
                (Self.form([("key", "k")]), "multipart/form-data", "MalformedPOSTRequest"),
                (
                    Array((field + String(repeating: "x", count: 100_000)).utf8), nil,
                    "MalformedPOSTRequest"
                ),
                (Self.form(many), nil, "MaxPostPreDataLengthExceeded"),
                (Self.form([("key", "k")], end: ""), nil, "IncompleteBody"),
                (Self.form([("key", "k")], end: "\r\n--XyZ"), nil, "IncompleteBody"),
                (Self.form([("key", "k")], end: "\r\n--XyZ-"), nil, "IncompleteBody"),
                (Self.form([("key", "k")], end: "\r\n--XyZoo"), nil, "MalformedPOSTRequest"),
            ] as [([UInt8], String?, String)] {
                let type = type ?? "multipart/form-data; boundary=XyZ"
                let answer = try await Self.post(server, "open", body, type: type)
                #expect(answer.status == 400 && answer.code == code, "\(answer.text)")
                #expect(try await server.send("HEAD", "/open/k").status == 404)
            }
        }
    }
}
