import S3Protocol
import TestSupport
import Testing

struct RequestTargetTests {
    @Test("A path is decoded once and not normalised")
    func path() throws {
        for (raw, path) in [
            ("/b/a%2Fb", "/b/a/b"), ("/b//x/../y/./", "/b//x/../y/./"), ("/b/a+b", "/b/a+b"),
            ("/b/a%252Bb", "/b/a%2Bb"), ("http://h:1/b/k?x", "/b/k"), ("/", "/"),
        ] {
            #expect(try RequestTarget(parsing: raw).path == Array(path.utf8), "\(raw)")
        }
    }

    @Test("A query keeps its order; plus is a space; a name without value has an empty one")
    func query() throws {
        let target = try RequestTarget(parsing: "/b?list-type=2&prefix=a+b%2Bc&acl&&x==")
        #expect(target.query.map(\.name) == ["list-type", "prefix", "acl", "x"])
        #expect(target["prefix"] == "a b+c")
        #expect(target["acl"] == "" && target["x"] == "=")
        #expect(target.canonicalQuery() == "acl=&list-type=2&prefix=a%20b%2Bc&x=%3D")
    }

    @Test(
        "What cannot be read is an InvalidURI",
        arguments: [
            "", "b/k", "*", "/%", "/%4", "/%zz",
            "/b?x=%f", "/b?%ff",
        ]
    )
    func malformed(raw: String) {
        let error = #expect(throws: S3Error.self) { try RequestTarget(parsing: raw) }
        #expect(error?.code == .invalidURI)
    }

    @Test("Any bytes survive being written and read", arguments: UInt64(0)..<64)
    func roundTrip(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let path = (0..<40).map { _ in UInt8.random(in: 0...255, using: &random) }
        let target = RequestTarget(
            path: [0x2F] + path,
            query: [.init(name: "a\u{0}é", value: "&=+ %"), .init(name: "b", value: "")]
        )
        #expect(try RequestTarget(parsing: target.text) == target)
    }
}
