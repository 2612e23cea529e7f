import Coordinator
import S3Gateway
import S3Protocol
import Testing

/// Copies that take longer than a client waits.
struct LateAnswerTests {
    private var soon: S3Settings {
        var settings = S3Settings()
        settings.lateAnswerDelay = .milliseconds(20)
        settings.lateAnswerInterval = .milliseconds(10)
        return settings
    }

    @Test("Case 101: the declaration comes first, then spaces, then the result")
    func success() async throws {
        try await TestServer.run(self.soon) { server in
            await server.store.cause(.init(copyDelay: .seconds(1)))
            let answer = try await server.copy("src/o", "/dst/c")
            #expect(answer.status == 200 && answer.isChunked)
            #expect(answer.header("x-amz-request-id")?.count == 16)
            let declaration = XMLWriter.declaration
            #expect(answer.text.hasPrefix(declaration + " "))
            let rest = answer.text.dropFirst(declaration.count).drop { $0 == " " }
            #expect(
                rest.hasPrefix("<CopyObjectResult xmlns=") && rest.hasSuffix("CopyObjectResult>")
            )
            #expect(try await server.send("GET", "/dst/c").body == TestServer.hello)
        }
    }

    @Test(
        "Case 102: a late failure is an Error without a namespace",
        arguments: [
            (ClusterError.Code.internalError, "InternalError"), (.busy, "SlowDown"),
            (.quorumUnavailable, "ServiceUnavailable"), (.preconditionFailed, "PreconditionFailed"),
        ]
    )
    func failure(cause: ClusterError.Code, code: String) async throws {
        try await TestServer.run(self.soon) { server in
            await server.store.cause(.init(copyDelay: .seconds(1), copyFailure: cause))
            let answer = try await server.copy("src/o", "/dst/c")
            #expect(answer.status == 200 && answer.isChunked)
            #expect(answer.code == code)
            let rest = answer.text.dropFirst(XMLWriter.declaration.count).drop { $0 == " " }
            #expect(rest.hasPrefix("<Error><Code>") && rest.hasSuffix("</Error>"))
            #expect(answer.element("RequestId") == answer.header("x-amz-request-id"))
            #expect(try await server.send("GET", "/dst/c").status == 404)
        }
    }

    @Test("Cases 105 and 109: an early failure has its own status, and an answer is never empty")
    func early() async throws {
        try await TestServer.run { server in
            for code in ClusterError.Code.allCases {
                await server.store.cause(.init(copyFailure: code))
                let answer = try await server.copy("src/o", "/dst/c")
                #expect(answer.status >= 400 && answer.code != nil, "\(code)")
                #expect(
                    (answer.status == 503) == (answer.header("retry-after") != nil)
                )
            }
        }
    }

    /// A request to copy, as it goes over the wire.
    private static func copyHead(_ server: TestServer) throws -> String {
        try server.head("PUT", "/dst/c", ["x-amz-copy-source": "src/o"], length: 0)
    }

    @Test("The connection goes on after a late answer")
    func keepAlive() async throws {
        try await TestServer.run(self.soon) { server in
            await server.store.cause(.init(copyDelay: .milliseconds(500)))
            let copy = try Self.copyHead(server)
            let get = try server.head("GET", "/dst/c")
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(copy + get)
                #expect(try await connection.answer().isChunked)
                #expect(try await connection.answer().body == TestServer.hello)
            }
        }
    }

    @Test(
        "Case 106: a copy is stopped when its client goes, before the answer has begun and after",
        arguments: [false, true]
    )
    func clientGone(afterBeginning: Bool) async throws {
        var settings = self.soon
        if !afterBeginning { settings.lateAnswerDelay = .seconds(600) }
        try await TestServer.run(settings) { server in
            await server.store.cause(.init(copyDelay: .seconds(600)))
            let copy = try Self.copyHead(server)
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(copy)
                for _ in 0..<1_000 {
                    if await !server.store.copies.isEmpty { break }
                    try await Task.sleep(for: .milliseconds(5))
                }
            }
            // The log line shows that the server has let go of the request.
            for _ in 0..<1_000 where !server.lines.all.contains(where: { $0["source"] != nil }) {
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(server.lines.all.contains { $0["source"] != nil })
            #expect(await server.store.givenUp == 1)
            #expect(try await server.send("GET", "/dst/c").status == 404)
        }
    }

    @Test("A client that stays is not taken for gone, whatever else it sends")
    func clientStays() async throws {
        try await TestServer.run(self.soon) { server in
            await server.store.cause(.init(copyDelay: .milliseconds(500)))
            let copy = try Self.copyHead(server)
            try await RawConnection.with(port: server.port) { connection in
                for _ in 0..<3 { try await connection.send(copy) }
                for _ in 0..<3 {
                    #expect(try await connection.answer().text.hasSuffix("CopyObjectResult>"))
                }
            }
            #expect(await server.store.givenUp == 0)
        }
    }
}
