import Coordinator
import S3Protocol
import Testing

/// What this server has not, and says so.
struct NotImplementedTests {
    @Test(
        "What is missing is named, and never answered with 200",
        arguments: [
            ("PUT", "/src?replication", "PUT ?replication"),
            ("GET", "/src/o?torrent", "GET ?torrent"),
            ("POST", "/src/o?select&select-type=2", "SelectObjectContent"),
            ("GET", "/src?new-thing", "The parameter new-thing of ListObjects"),
            ("PUT", "/src/o?new-thing", "The parameter new-thing of PutObject"),
            ("GET", "/src?acl&policy", "The combination acl and policy"),
            ("GET", "/src/o?uploadId=x&acl", "The parameter acl of ListParts"),
            ("PUT", "/src/o?partNumber=1", "The parameter partNumber of PutObject"),
        ]
    )
    func named(method: String, target: String, name: String) async throws {
        try await TestServer.run { server in
            let answer = try await server.send(method, target)
            #expect(answer.status == 501 && answer.code == "NotImplemented")
            #expect(answer.element("Message") == "\(name) is not implemented.")
        }
    }

    @Test("Parameters of the client's own do not matter")
    func ownParameters() async throws {
        try await TestServer.run { server async throws in
            #expect(try await server.send("GET", "/src/o?x-id=GetObject&x-trace=7").status == 200)
        }
    }

    @Test("Other methods are refused")
    func methods() async throws {
        try await TestServer.run { server async throws in
            #expect(try await server.send("PATCH", "/src/o").status == 405)
            #expect(try await server.send("DELETE", "/").status == 405)
        }
    }
}
