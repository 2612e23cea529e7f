import Logging
import S3Gateway
import S3Protocol
import ServiceLifecycle
import Testing

/// What belongs to the server rather than to one request.
struct ServerTests {
    @Test("Each request is one line of the log, with what an operator looks for")
    func log() async throws {
        try await TestServer.run { server in
            let answer = try await server.copy("src/o", "/dst/c%0Ad", ["user-agent": "tester"])
            _ = try await server.send("GET", "/src/none")
            let copies = try await server.lines.lines(of: "CopyObject")
            #expect(copies.count == 1)
            let copy = try #require(copies.first)
            for (name, value) in [
                ("op", "CopyObject"), ("code", "200"), ("bucket", "dst"), ("key", "c%0Ad"),
                ("source", "src/o"), ("copy_mode", "reference"), ("chunks_pulled", "0"),
                ("access_key", TestServer.accessKey), ("user_agent", "tester"), ("bytes_in", "0"),
                ("bytes_out", "\(answer.body.count)"),
                ("request_id", try #require(answer.header("x-amz-request-id"))),
            ] {
                #expect(copy[name]?.description == value, "\(name)")
            }
            let reads = try await server.lines.lines(of: "GetObject")
            #expect(reads.count == 1)
            let failed = try #require(reads.first)
            #expect(failed["code"]?.description == "404")
            #expect(failed["error"]?.description == "NoSuchKey")
        }
    }

    @Test("Neither secrets nor signatures are logged or told")
    func secrets() async throws {
        try await TestServer.run { server in
            let target = try server.presigned("GET", "/src/o")
            let head = "GET \(target) HTTP/1.1\r\nHost: \(server.host)\r\n\r\n"
            #expect(try await server.exchange(Array(head.utf8)).status == 200)
            let wrong = head.replacing("X-Amz-Signature=", with: "X-Amz-Signature=00")
            _ = try await server.exchange(Array(wrong.utf8))
            let unsigned = try await server.send("GET", "/src/o", unsigned: ["x-amz-a": "b"])
            _ = try await server.lines.lines(of: "GetObject")
            let text = "\(server.lines.all)"
            for secret in ["wJalrXUtnFEMI", "Signature", "AWS4-HMAC"] {
                #expect(!text.contains(secret))
            }
            #expect(!unsigned.text.contains("wJalrXUtnFEMI"))
        }
    }

    @Test("A server that stops lets the request in flight end, and takes no other")
    func stops() async throws {
        try await TestServer.run { server in
            await server.store.cause(MemoryStore.Trouble(copyDelay: .seconds(2)))
            async let slow = server.copy("src/o", "/dst/c")
            while await server.store.copies.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
            await server.services.triggerGracefulShutdown()
            let answer = try await slow
            #expect(answer.status == 200 && answer.header("connection") == "close")
            await #expect(throws: (any Error).self) { try await server.send("GET", "/src/o") }
        }
    }

    @Test("A server that stops does not wait for ever")
    func stopsAnyway() async throws {
        var settings = S3Settings()
        settings.limits.stopTimeout = .milliseconds(50)
        settings.lateAnswerDelay = .seconds(60)
        try await TestServer.run(settings) { server in
            await server.store.cause(MemoryStore.Trouble(copyDelay: .seconds(60)))
            async let slow = server.copy("src/o", "/dst/c")
            while await server.store.copies.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
            await server.services.triggerGracefulShutdown()
            let answer = try? await slow
            #expect(answer == nil)
        }
    }
}
