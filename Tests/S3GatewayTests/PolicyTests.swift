import Testing

@testable import S3Gateway

struct PolicyTests {
    @Test(
        "A pattern fits what it says",
        arguments: [
            ("*", "", true), ("a*c", "abbc", true), ("a*c", "abbd", false), ("a?c", "abc", true),
            ("a?c", "ac", false), ("s3:Get*", "s3:GetObject", true), ("", "", true),
            ("**a**", "bab", true), ("*a*b", "aab", true), ("a", "ab", false),
            ("*.x", "a.x.y", false),
        ]
    )
    func wildcard(pattern: String, text: String, fits: Bool) {
        #expect(Wildcard(pattern).matches(text) == fits)
    }

    @Test("A pattern made to be slow is not")
    func slowPattern() {
        let pattern = String(repeating: "*a", count: 500) + "b"
        #expect(!Wildcard(pattern).matches(String(repeating: "a", count: 2_000)))
    }

    @Test(
        "An address is in a range, or not",
        arguments: [
            ("192.0.2.0/24", "192.0.2.7", true), ("192.0.2.0/24", "192.0.3.7", false),
            ("192.0.2.7", "192.0.2.7", true), ("0.0.0.0/0", "8.8.8.8", true),
            ("2001:db8::/32", "2001:db8:1::7", true), ("2001:db8::/32", "2001:db9::1", false),
            ("::1", "0:0:0:0:0:0:0:1", true), ("10.0.0.0/8", "::1", false),
        ]
    )
    func addresses(range: String, address: String, isIn: Bool) throws {
        let range = try #require(AddressRange(range))
        let address = try #require(AddressRange(address))
        #expect(range.contains(address) == isIn)
    }

    @Test(
        "What is no address is none",
        arguments: ["", "1.2.3", "1.2.3.4/33", "1.2.3.256", "::1::2", "x", "1:2:3", "1.2.3.4/-1"]
    )
    func noAddresses(text: String) { #expect(AddressRange(text) == nil) }

    private static func condition(
        _ comparison: PolicyCondition.Comparison,
        _ values: [String],
        quantifier: PolicyCondition.Quantifier = .one,
        ifExists: Bool = false
    ) -> PolicyCondition {
        PolicyCondition(
            comparison: comparison,
            quantifier: quantifier,
            ifExists: ifExists,
            key: "k",
            values: values
        )
    }

    @Test("Operators compare, and negated ones want no value to be the same")
    func operators() {
        var context = PolicyContext()
        context["K"] = ["Seven"]
        for (comparison, values, holds) in [
            (.stringEquals, ["Six", "Seven"], true), (.stringEquals, ["seven"], false),
            (.stringEqualsIgnoreCase, ["seven"], true), (.stringNotEquals, ["Six"], true),
            (.stringNotEquals, ["Six", "Seven"], false), (.stringLike, ["S*n"], true),
            (.stringNotLike, ["S*n"], false), (.null, ["false"], true), (.null, ["true"], false),
        ] as [(PolicyCondition.Comparison, [String], Bool)] {
            #expect(Self.condition(comparison, values).holds(in: context) == holds)
        }
        context["k"] = ["7"]
        #expect(Self.condition(.numericLessThanEquals, ["7.0"]).holds(in: context))
        #expect(!Self.condition(.numericGreaterThan, ["7"]).holds(in: context))
        #expect(!Self.condition(.numericEquals, ["x"]).holds(in: context))
    }

    @Test("A key that is missing fails what asks for it, but for the negated and the optional")
    func missingKey() {
        let context = PolicyContext()
        #expect(!Self.condition(.stringEquals, ["a"]).holds(in: context))
        #expect(Self.condition(.stringEquals, ["a"], ifExists: true).holds(in: context))
        #expect(Self.condition(.stringNotEquals, ["a"]).holds(in: context))
        #expect(Self.condition(.null, ["true"]).holds(in: context))
    }

    @Test("Of several values all have to fit, or any")
    func quantifiers() {
        var context = PolicyContext()
        context["k"] = ["a", "b"]
        #expect(!Self.condition(.stringEquals, ["a"], quantifier: .all).holds(in: context))
        #expect(Self.condition(.stringEquals, ["a", "b"], quantifier: .all).holds(in: context))
        #expect(Self.condition(.stringEquals, ["a"], quantifier: .any).holds(in: context))
        #expect(!Self.condition(.stringEquals, ["c"], quantifier: .any).holds(in: context))
        #expect(Self.condition(.stringEquals, ["c"], quantifier: .all).holds(in: PolicyContext()))
    }

    private static func policy(_ condition: String) throws -> BucketPolicy {
        try BucketPolicy(
            parsing: Array(
                """
                {"Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["s3:*"],
                "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]\(condition)}}
                """.utf8
            ),
            bucket: "b"
        )
    }

    @Test("A policy for everybody is public, unless it says from where")
    func publicPolicies() throws {
        #expect(try Self.policy("").isPublic)
        let narrow = #", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}"#
        #expect(try !Self.policy(narrow).isPublic)
        let wide = #", "Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}"#
        #expect(try Self.policy(wide).isPublic)
        let prefix = #", "Condition": {"StringEquals": {"s3:prefix": "x"}}"#
        #expect(try Self.policy(prefix).isPublic)
    }

    @Test("Users are known by id, account and name")
    func principals() throws {
        let principal = BucketPolicy.Principal(canonicalID: "c", name: "n", account: "123456789012")
        for name in [
            "c", "123456789012", "arn:aws:iam::123456789012:root",
            "arn:aws:iam::123456789012:user/n", "arn:aws:iam:::user/c", "*",
        ] {
            let set = BucketPolicy.PrincipalSet(names: [name], isNegated: false)
            #expect(set.contains(principal), "\(name)")
            #expect(set.contains(nil) == (name == "*"))
            #expect(!BucketPolicy.PrincipalSet(names: [name], isNegated: true).contains(principal))
        }
        let other = BucketPolicy.PrincipalSet(
            names: ["arn:aws:iam::123456789013:root"],
            isNegated: false
        )
        #expect(!other.contains(principal))
    }
}
