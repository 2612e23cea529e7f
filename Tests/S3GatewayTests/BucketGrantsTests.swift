import StoreModel
import Testing

@testable import S3Gateway

struct BucketGrantsTests {
    private let bucket: BucketName

    init() throws { self.bucket = try #require(BucketName("photos")) }

    private func grants(_ policy: String?) throws(BucketGrants.Refusal) -> BucketGrants {
        try BucketGrants(policy: policy.map { Array($0.utf8) }, of: self.bucket)
    }

    private func text(_ grants: BucketGrants) throws -> String? {
        try grants.policy(of: self.bucket).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("What is granted is there after it has been written and read, and leaves no trace")
    func life() throws {
        var grants = try self.grants(nil)
        #expect(try self.text(grants) == nil)
        try grants.grant([.read, .write], to: "alice-id")
        try grants.grant([.read], to: "bob-id")
        var again = try self.grants(try self.text(grants))
        #expect(again.permissions(of: "alice-id") == [.read, .write])
        #expect(again.permissions(of: "bob-id") == [.read])
        #expect(again.permissions(of: "carol-id") == [])
        #expect(again.users == ["alice-id", "bob-id"])
        try again.revoke([.read, .write, .owner], of: "alice-id")
        #expect(again.users == ["bob-id"])
        try again.revoke([.read], of: "bob-id")
        #expect(try self.text(again) == nil)
    }

    @Test("What else the policy says stays, in whatever form it was written")
    func others() throws {
        let own = """
            {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": \
            "arn:aws:s3:::photos/secret/*", "Condition": {"Bool": {"aws:SecureTransport": false}, \
            "NumericLessThan": {"s3:max-keys": 10}}}
            """
        for statement in [own, "[\(own)]"] {
            let policy = #"{"Version": "2008-10-17", "Id": "x", "Statement": \#(statement)}"#
            var grants = try self.grants(policy)
            try grants.grant([.owner], to: "alice-id")
            let changed = try #require(try self.text(grants))
            for part in [
                #""Id":"x""#, "2008-10-17", #""aws:SecureTransport":false"#, #""s3:max-keys":10"#,
                "arn:aws:s3:::photos/secret/*",
            ] { #expect(changed.contains(part), "\(part)") }
            var again = try self.grants(changed)
            try again.revoke([.owner], of: "alice-id")
            let before = try BucketPolicy(parsing: Array(policy.utf8), bucket: "photos")
            let after = try #require(try self.text(again))
            #expect(try BucketPolicy(parsing: Array(after.utf8), bucket: "photos") == before)
        }
    }

    @Test("A statement of somebody else that has the name of ours is not touched")
    func foreign() throws {
        let policy = """
            {"Statement": [{"Sid": "TrioletRead", "Effect": "Deny", "Principal": \
            {"CanonicalUser": ["alice-id"]}, "Action": "s3:*", "Resource": "arn:aws:s3:::photos"}]}
            """
        var grants = try self.grants(policy)
        #expect(grants.permissions(of: "alice-id") == [])
        #expect(throws: BucketGrants.Refusal.foreign(sid: "TrioletRead")) {
            try grants.grant([.read], to: "alice-id")
        }
        #expect(throws: BucketGrants.Refusal.foreign(sid: "TrioletRead")) {
            try grants.revoke([.read], of: "alice-id")
        }
        try grants.grant([.write], to: "alice-id")
        #expect(grants.permissions(of: "alice-id") == [.write])
    }

    @Test("What is no policy is not made one, and none grows beyond its bound")
    func refused() throws {
        for text in ["", "[]", "{}", #"{"Statement": 7}"#, "no JSON"] {
            #expect(throws: BucketGrants.Refusal.unreadable) { try self.grants(text) }
        }
        var grants = try self.grants(nil)
        for number in 0..<400 {
            try grants.grant([.read], to: String(repeating: "a", count: 60) + "\(number)")
        }
        #expect(throws: BucketGrants.Refusal.tooLong) { try grants.policy(of: self.bucket) }
    }

    @Test("Whoever has been granted something may do that over S3, and no more")
    func requests() async throws {
        try await TestServer.run { server in
            let source = try #require(BucketName("src"))
            let alice = server.as("AKIAALICE")
            func grant(_ permissions: [BucketGrants.Permission]) async throws {
                let policy = await server.store.settings[source]?[.policy]
                var grants = try BucketGrants(policy: policy, of: source)
                try grants.revoke(BucketGrants.Permission.allCases, of: "alice-id")
                try grants.grant(permissions, to: "alice-id")
                let changed = try grants.policy(of: source)
                try await server.store.set(
                    .replacement(.policy, of: policy, by: changed),
                    of: source
                )
            }
            let requests: [(method: String, target: String, needs: [BucketGrants.Permission])] = [
                ("GET", "/src/o", [.read]), ("GET", "/src", [.read]),
                ("GET", "/src/o?tagging", [.read]), ("PUT", "/src/new", [.write]),
                ("DELETE", "/src/new", [.write]), ("GET", "/src?policy", [.owner]),
                ("GET", "/src?acl", [.owner]), ("GET", "/src?versioning", [.owner]),
            ]
            for permission in BucketGrants.Permission.allCases {
                try await grant([permission])
                for (method, target, needs) in requests {
                    let status = try await alice.send(method, target).status
                    let may = permission == .owner || needs.contains(permission)
                    #expect((status != 403) == may, "\(permission): \(method) \(target): \(status)")
                    #expect(try await server.as("AKIABOB").send(method, target).status == 403)
                }
            }
            try await grant([])
            #expect(try await alice.send("GET", "/src/o").status == 403)
            // Nothing is left behind.
            #expect(try await server.send("GET", "/src?policy").status == 404)
        }
    }
}
