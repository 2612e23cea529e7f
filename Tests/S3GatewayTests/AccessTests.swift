import S3Gateway
import S3Protocol
import StoreModel
import Testing

/// Who may do what: lists, policies, and the settings that overrule them.
struct AccessTests {
    private static let alice = "AKIAALICE"
    private static let bob = "AKIABOB"

    /// A bucket `hers` of Alice with an object `o`.
    private static func run(
        acl: String = "private",
        objectACL: String = "private",
        _ body: @Sendable (TestServer, _ alice: TestServer, _ bob: TestServer) async throws -> Void
    ) async throws {
        try await TestServer.run { server in
            let alice = server.as(Self.alice)
            #expect(try await alice.send("PUT", "/hers", ["x-amz-acl": acl]).status == 200)
            let put = try await alice.send(
                "PUT",
                "/hers/o",
                ["x-amz-acl": objectACL],
                body: [1, 2]
            )
            #expect(put.status == 200)
            try await body(server, alice, server.as(Self.bob))
        }
    }

    private static func policy(
        _ effect: String,
        _ action: String,
        principal: String = #""*""#,
        condition: String = "{}",
        resource: String = "arn:aws:s3:::hers/*"
    ) -> [UInt8] {
        Array(
            """
            {"Version": "2012-10-17", "Statement": [{"Effect": "\(effect)",
            "Principal": \(principal), "Action": "\(action)", "Resource": "\(resource)",
            "Condition": \(condition)}]}
            """.utf8
        )
    }

    @Test("What is private is for its owner and the root user")
    func isPrivate() async throws {
        try await Self.run { root, alice, bob async throws in
            for (method, target) in [
                ("GET", "/hers/o"), ("GET", "/hers"), ("DELETE", "/hers/o"), ("GET", "/hers?acl"),
                ("GET", "/hers/o?acl"), ("PUT", "/hers/p"), ("GET", "/hers/o?tagging"),
                ("DELETE", "/hers"), ("GET", "/hers?policy"), ("GET", "/hers?uploads"),
                ("POST", "/hers/o?uploads"), ("GET", "/hers?location"),
            ] {
                for stranger in [bob, root.as(nil)] {
                    let answer = try await stranger.send(method, target)
                    #expect(answer.status == 403 && answer.code == "AccessDenied", "\(target)")
                }
            }
            #expect(try await root.send("GET", "/hers/o").status == 200)
            #expect(try await alice.send("GET", "/hers/o").body == [1, 2])
        }
    }

    @Test("A copy needs reading of its source and writing of its target, in both calls")
    func copies() async throws {
        try await Self.run { root, alice, bob async throws in
            #expect(try await bob.send("PUT", "/his").status == 200)
            let theft = try await bob.send("PUT", "/his/o", [("x-amz-copy-source", "hers/o")])
            #expect(theft.status == 403)
            let upload = try await bob.send("POST", "/his/p?uploads").element("UploadId") ?? ""
            let part = try await bob.send(
                "PUT",
                "/his/p?partNumber=1&uploadId=\(upload)",
                [("x-amz-copy-source", "hers/o")]
            )
            #expect(part.status == 403)
            // Nor what a key would be called.
            let missing = try await bob.send("PUT", "/his/o", [("x-amz-copy-source", "hers/none")])
            #expect(missing.status == 403)
            let gift = try await alice.send("PUT", "/his/o", [("x-amz-copy-source", "hers/o")])
            #expect(gift.status == 403)
            #expect(
                try await alice.send("PUT", "/hers/o?acl", ["x-amz-acl": "public-read"]).status
                    == 200
            )
            let taken = try await bob.send("PUT", "/his/o", [("x-amz-copy-source", "hers/o")])
            #expect(taken.status == 200)
            let list = try await bob.send("GET", "/his/o?acl").text
            #expect(
                list.contains("bob-id") && !list.contains("AllUsers"),
                "Lists do not come along."
            )
        }
    }

    @Test("Whoever may not list does not learn which keys there are")
    func noOracle() async throws {
        try await Self.run { _, alice, bob async throws in
            #expect(try await bob.send("GET", "/hers/none").status == 403)
            let condition = try await bob.send("GET", "/hers/o", ["If-None-Match": "*"])
            #expect(condition.status == 403)
            #expect(try await alice.send("GET", "/hers/none").status == 404)
        }
    }

    @Test("Canned lists give what they say")
    func canned() async throws {
        try await Self.run(acl: "public-read-write", objectACL: "authenticated-read") {
            root,
            alice,
            bob async throws in
            let nobody = root.as(nil)
            #expect(try await nobody.send("GET", "/hers").status == 200)
            #expect(try await nobody.send("PUT", "/hers/theirs", body: [3]).status == 200)
            #expect(try await nobody.send("GET", "/hers/o").status == 403)
            #expect(try await bob.send("GET", "/hers/o").body == [1, 2])
            // Not the bucket's owner: whoever wrote it, and that was nobody.
            #expect(try await alice.send("GET", "/hers/theirs").status == 403)
            let own = try await bob.send(
                "PUT",
                "/hers/bobs",
                ["x-amz-acl": "bucket-owner-full-control"],
                body: [4]
            )
            #expect(own.status == 200)
            #expect(try await alice.send("GET", "/hers/bobs").body == [4])
            let listed = try await alice.send("GET", "/hers").text
            #expect(listed.contains("alice-id") && listed.contains("bob-id"))
        }
    }

    @Test("Grants by id, address and group are read and shown; unknown ones are refused")
    func grants() async throws {
        try await Self.run { _, alice, bob async throws in
            let granted = try await alice.send(
                "PUT",
                "/hers/o?acl",
                [
                    "x-amz-grant-read": "id=\"bob-id\"",
                    "x-amz-grant-read-acp": "emailAddress=\"bob@example.com\"",
                    "x-amz-grant-full-control": "id=\"alice-id\"",
                ]
            )
            #expect(granted.status == 200)
            #expect(try await bob.send("GET", "/hers/o").status == 200)
            let list = try await bob.send("GET", "/hers/o?acl")
            #expect(list.status == 200)
            for text in ["<DisplayName>bob</DisplayName>", "READ_ACP", "FULL_CONTROL"] {
                #expect(list.text.contains(text))
            }
            #expect(
                try await bob.send("PUT", "/hers/o?acl", ["x-amz-acl": "private"]).status == 403
            )
            // The list as it is shown can be given back.
            let again = try await alice.send("PUT", "/hers/o?acl", body: list.body)
            #expect(again.status == 200)
            #expect(try await alice.send("GET", "/hers/o?acl").body == list.body)
            for (header, code) in [
                ("id=\"nobody\"", "InvalidArgument"),
                ("emailAddress=\"x@example.com\"", "UnresolvableGrantByEmailAddress"),
                ("uri=\"http://example.com/group\"", "InvalidArgument"), ("bob", "InvalidArgument"),
            ] {
                let refused = try await alice.send(
                    "PUT",
                    "/hers/o?acl",
                    ["x-amz-grant-read": header]
                )
                #expect(refused.status == 400 && refused.code == code, "\(header)")
            }
        }
    }

    @Test("An owner who gives up everything can still read and write the list")
    func limited() async throws {
        try await Self.run { _, alice, _ async throws in
            let empty = """
                <AccessControlPolicy><Owner><ID>alice-id</ID></Owner>\
                <AccessControlList></AccessControlList></AccessControlPolicy>
                """
            #expect(try await alice.send("PUT", "/hers?acl", body: Array(empty.utf8)).status == 200)
            #expect(try await alice.send("PUT", "/hers/p", body: [1]).status == 403)
            #expect(try await alice.send("GET", "/hers/o").status == 200)
            #expect(try await alice.send("GET", "/hers?acl").status == 200)
            #expect(
                try await alice.send("PUT", "/hers?acl", ["x-amz-acl": "private"]).status == 200
            )
            #expect(try await alice.send("PUT", "/hers/p", body: [1]).status == 200)
            let other = empty.replacing("alice-id", with: "bob-id")
            #expect(try await alice.send("PUT", "/hers?acl", body: Array(other.utf8)).status == 403)
        }
    }

    @Test("A policy allows and denies, and a denial wins")
    func policies() async throws {
        try await Self.run { root, alice, bob async throws in
            func set(_ policy: [UInt8]) async throws {
                #expect(try await alice.send("PUT", "/hers?policy", body: policy).status == 204)
                #expect(try await alice.send("GET", "/hers?policy").body == policy)
            }
            try await set(Self.policy("Allow", "s3:GetObject"))
            #expect(try await root.as(nil).send("GET", "/hers/o").status == 200)
            #expect(try await bob.send("PUT", "/hers/p").status == 403)
            try await set(Self.policy("Allow", "s3:*", principal: #"{"AWS": "222222222222"}"#))
            #expect(try await bob.send("PUT", "/hers/p", body: [1]).status == 200)
            #expect(try await bob.send("GET", "/hers").status == 403, "Another resource.")
            #expect(try await root.as(nil).send("GET", "/hers/o").status == 403)
            try await set(Self.policy("Deny", "s3:GetObject"))
            #expect(try await alice.send("GET", "/hers/o").status == 403)
            #expect(try await root.send("GET", "/hers/o").status == 200)
            #expect(try await alice.send("DELETE", "/hers?policy").status == 204)
            #expect(try await alice.send("GET", "/hers?policy").code == "NoSuchBucketPolicy")
            #expect(try await alice.send("GET", "/hers/o").status == 200)
        }
    }

    @Test("Conditions look at the request and at the tags of the object")
    func conditions() async throws {
        try await Self.run { _, alice, bob async throws in
            let tags =
                "<Tagging><TagSet><Tag><Key>open</Key><Value>yes</Value></Tag></TagSet></Tagging>"
            #expect(
                try await alice.send("PUT", "/hers/t?tagging", body: Array(tags.utf8)).status == 404
            )
            #expect(
                try await alice.send("PUT", "/hers/t", ["x-amz-tagging": "open=yes"]).status == 200
            )
            let tagged = Self.policy(
                "Allow",
                "s3:GetObject",
                condition: #"{"StringEquals": {"s3:ExistingObjectTag/open": "yes"}}"#
            )
            #expect(try await alice.send("PUT", "/hers?policy", body: tagged).status == 204)
            #expect(try await bob.send("GET", "/hers/t").status == 200)
            #expect(try await bob.send("GET", "/hers/o").status == 403)
            let untagged = Self.policy(
                "Deny",
                "s3:GetObject",
                condition: #"{"StringNotEquals": {"s3:ExistingObjectTag/open": "yes"}}"#
            )
            #expect(try await alice.send("PUT", "/hers?policy", body: untagged).status == 204)
            #expect(try await alice.send("GET", "/hers/t").status == 200)
            #expect(try await alice.send("GET", "/hers/o").status == 403)
            #expect(try await alice.send("GET", "/hers/none").status == 403)
            #expect(try await alice.send("GET", "/hers/o?acl").status == 200)
            let never = Self.policy("Deny", "s3:GetObject")
            #expect(try await alice.send("PUT", "/hers?policy", body: never).status == 204)
            #expect(try await alice.send("GET", "/hers/t").status == 403)
            let prefix = Self.policy(
                "Allow",
                "s3:ListBucket",
                condition: #"{"StringLike": {"s3:prefix": "public/*"}}"#,
                resource: "arn:aws:s3:::hers"
            )
            #expect(try await alice.send("PUT", "/hers?policy", body: prefix).status == 204)
            #expect(try await bob.send("GET", "/hers?prefix=public/x").status == 200)
            #expect(try await bob.send("GET", "/hers?prefix=private").status == 403)
        }
    }

    @Test(
        "A policy that cannot be understood is refused",
        arguments: [
            (#""Statement": {"#, #""Statement": [{"#), (#""Allow""#, #""May""#),
            (#""Principal": "*", "#, ""), (#""*""#, #""somebody""#), ("hers", "other"),
            ("s3:*", "ec2:Run"), ("2012-10-17", "1999"), (#""Action": "s3:*", "#, ""),
            (#""Resource": "arn:aws:s3:::hers", "#, ""), ("StringEquals", "StringMaybe"),
            ("s3:prefix", "s3:nothing"), (#""x""#, "[]"),
        ]
    )
    func malformedPolicy(part: String, wrong: String) async throws {
        let policy = """
            {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", \
            "Action": "s3:*", "Resource": "arn:aws:s3:::hers", \
            "Condition": {"StringEquals": {"s3:prefix": "x"}}}}
            """
        try await Self.run { _, alice, _ async throws in
            let text = policy.replacing(part, with: wrong)
            #expect(text != policy)
            for text in [text, "", "[]", "{}", #"{"Statement": []}"#] {
                let answer = try await alice.send("PUT", "/hers?policy", body: Array(text.utf8))
                #expect(answer.status == 400 && answer.code == "MalformedPolicy", "\(text)")
            }
            let right = try await alice.send("PUT", "/hers?policy", body: Array(policy.utf8))
            #expect(right.status == 204)
        }
    }

    @Test("A block on public access overrules lists and policies")
    func block() async throws {
        try await Self.run(objectACL: "public-read") { root, alice, bob async throws in
            let nobody = root.as(nil)
            #expect(try await nobody.send("GET", "/hers/o").status == 200)
            func set(_ flag: String) async throws {
                let document = """
                    <PublicAccessBlockConfiguration><\(flag)>true</\(flag)>\
                    </PublicAccessBlockConfiguration>
                    """
                let answer = try await alice.send(
                    "PUT",
                    "/hers?publicAccessBlock",
                    body: Array(document.utf8)
                )
                #expect(answer.status == 200)
            }
            try await set("IgnorePublicAcls")
            #expect(try await nobody.send("GET", "/hers/o").status == 403)
            try await set("BlockPublicAcls")
            #expect(try await nobody.send("GET", "/hers/o").status == 200)
            let acl = try await alice.send("PUT", "/hers/o?acl", ["x-amz-acl": "public-read"])
            #expect(acl.status == 403)
            #expect(
                try await alice.send("PUT", "/hers/n", ["x-amz-acl": "public-read"]).status == 403
            )
            try await set("BlockPublicPolicy")
            let open = Self.policy("Allow", "s3:GetObject")
            #expect(try await alice.send("PUT", "/hers?policy", body: open).status == 403)
            try await set("RestrictPublicBuckets")
            #expect(try await alice.send("PUT", "/hers?policy", body: open).status == 204)
            #expect(try await bob.send("PUT", "/hers/p").status == 403)
            // Whatever the policy looks at.
            let tagged = Self.policy(
                "Allow",
                "s3:GetObject",
                condition: #"{"StringEquals": {"s3:ExistingObjectTag/open": "yes"}}"#
            )
            let put = try await alice.send("PUT", "/hers/t", ["x-amz-tagging": "open=yes"])
            #expect(put.status == 200)
            #expect(try await alice.send("PUT", "/hers?policy", body: tagged).status == 204)
            #expect(try await bob.send("GET", "/hers/t").status == 403)
            #expect(try await alice.send("DELETE", "/hers?publicAccessBlock").status == 204)
            #expect(try await bob.send("GET", "/hers/t").status == 200)
            let none = try await alice.send("GET", "/hers?publicAccessBlock")
            #expect(none.code == "NoSuchPublicAccessBlockConfiguration")
        }
    }

    @Test("Where the bucket's owner owns everything, lists are refused and count for nothing")
    func enforced() async throws {
        try await Self.run(acl: "public-read-write") { _, alice, bob async throws in
            #expect(try await bob.send("PUT", "/hers/bobs", body: [1]).status == 200)
            #expect(try await alice.send("GET", "/hers/bobs").status == 403)
            let controls = """
                <OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership>\
                </Rule></OwnershipControls>
                """
            let early = try await alice.send(
                "PUT",
                "/hers?ownershipControls",
                body: Array(controls.utf8)
            )
            #expect(early.code == "InvalidBucketAclWithObjectOwnership")
            #expect(
                try await alice.send("PUT", "/hers?acl", ["x-amz-acl": "private"]).status == 200
            )
            let set = try await alice.send(
                "PUT",
                "/hers?ownershipControls",
                body: Array(controls.utf8)
            )
            #expect(set.status == 200)
            #expect(
                try await alice.send("GET", "/hers?ownershipControls").text.contains("Enforced")
            )
            #expect(try await alice.send("GET", "/hers/bobs").status == 200)
            #expect(try await bob.send("GET", "/hers/bobs").status == 403)
            let acl = try await alice.send("PUT", "/hers/o?acl", ["x-amz-acl": "public-read"])
            #expect(acl.code == "AccessControlListNotSupported")
        }
    }

    @Test("Buckets belong to whoever created them, and are listed for them")
    func buckets() async throws {
        try await Self.run { root, alice, bob async throws in
            #expect(try await bob.send("PUT", "/hers").code == "BucketAlreadyExists")
            #expect(try await alice.send("PUT", "/hers").status == 200)
            #expect(try await alice.send("GET", "/").text.contains("<Name>hers</Name>"))
            #expect(try await !bob.send("GET", "/").text.contains("hers"))
            #expect(try await root.send("GET", "/").text.contains("<Name>hers</Name>"))
            #expect(try await root.as(nil).send("GET", "/").status == 403)
            #expect(try await root.as(nil).send("PUT", "/nobodys").status == 403)
            let status = try await alice.send("GET", "/hers?policyStatus").text
            #expect(status.contains("<IsPublic>false</IsPublic>"))
        }
    }

    @Test("Of a list of keys those are deleted that may be")
    func deleteMany() async throws {
        try await Self.run { _, alice, bob async throws in
            #expect(try await alice.send("PUT", "/hers/open/o", body: [1]).status == 200)
            let policy = Self.policy(
                "Allow",
                "s3:DeleteObject",
                resource: "arn:aws:s3:::hers/open/*"
            )
            #expect(try await alice.send("PUT", "/hers?policy", body: policy).status == 204)
            let list =
                "<Delete><Object><Key>o</Key></Object><Object><Key>open/o</Key></Object></Delete>"
            let answer = try await bob.send("POST", "/hers?delete", body: Array(list.utf8))
            #expect(answer.status == 200)
            #expect(answer.text.contains("<Error><Key>o</Key><Code>AccessDenied</Code>"))
            #expect(answer.text.contains("<Deleted><Key>open/o</Key></Deleted>"))
            #expect(try await alice.send("GET", "/hers/o").status == 200)
        }
    }
}
