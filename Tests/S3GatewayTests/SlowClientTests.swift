import NIOCore
import S3Gateway
import S3Protocol
import Synchronization
import Testing

/// Clients that take their time, over real sockets, with little time given to them.
///
/// No test looks at how long anything took: each of the clients would go on for ever, or for very
/// much longer, if nobody cut it.
struct SlowClientTests {
    /// More than a slow client would ever have to send to be cut.
    private static let bytesMax = 10_000
    /// Long enough for the requests of others on a machine that is busy with other tests.
    private static let silence = Duration.seconds(4)

    private static func settings(
        _ change: (inout HTTPLimits) -> Void
    ) -> S3Settings {
        var settings = S3Settings()
        settings.limits.lingerTimeout = .milliseconds(50)
        change(&settings.limits)
        return settings
    }

    /// Sends one byte after another until the server has closed the connection.
    ///
    /// - Returns: bytes sent by then; nil if the connection is still there after very many.
    private static func drip(_ connection: RawConnection) async throws -> Int? {
        for count in 0..<Self.bytesMax {
            do {
                try await connection.send("a")
            } catch { return count }
            try await Task.sleep(for: .milliseconds(5))
        }
        return nil
    }

    @Test("A head that comes byte by byte is cut, however many bytes still come; others are served")
    func slowHead() async throws {
        let settings = Self.settings {
            $0.headerTimeout = .milliseconds(150)
            // Only bytes of the head count here.
            $0.idleTimeout = .seconds(600)
        }
        try await TestServer.run(settings) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send("GET /src/o HTTP/1.1\r\nHost: h\r\nX-Slow: ")
                #expect(try await server.send("GET", "/src/o").body == TestServer.hello)
                let sent = try await Self.drip(connection)
                #expect(sent != nil)
            }
            // One that stops in its middle is told why.
            let answer = try await server.exchange(Array("GET /src/o HTTP/1.1\r\nHost: h".utf8))
            #expect(answer.status == 400 && answer.code == "RequestTimeout")
        }
    }

    @Test("What comes of a head during the answer before it has no more time than any other")
    func earlyHead() async throws {
        var settings = Self.settings {
            $0.headerTimeout = .milliseconds(150)
            $0.idleTimeout = .seconds(30)
        }
        settings.lateAnswerDelay = .seconds(30)
        try await TestServer.run(settings) { server in
            await server.store.cause(MemoryStore.Trouble(copyDelay: .seconds(1)))
            let copy = try server.head("PUT", "/dst/c", ["x-amz-copy-source": "src/o"], length: 0)
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(copy)
                while await server.store.copies.isEmpty {
                    try await Task.sleep(for: .milliseconds(2))
                }
                try await connection.send("GET /src/o HTTP/1.1\r\nHost: h\r\nX-Slow: ")
                #expect(try await connection.answer().status == 200)
                let answer = try await connection.answer()
                #expect(answer.status == 400 && answer.code == "RequestTimeout")
            }
        }
    }

    @Test("Requests that are sent while one is being answered stay where they are")
    func earlyRequests() async throws {
        var settings = Self.settings { _ in }
        settings.lateAnswerDelay = .seconds(30)
        try await TestServer.run(settings) { server in
            await server.store.cause(MemoryStore.Trouble(copyDelay: .seconds(2)))
            let copy = try server.head("PUT", "/dst/c", ["x-amz-copy-source": "src/o"], length: 0)
            let more = [UInt8](repeating: 0, count: 1 << 20)
            let sent = try await RawConnection.with(port: server.port) { connection in
                try await connection.send(copy)
                while await server.store.copies.isEmpty {
                    try await Task.sleep(for: .milliseconds(2))
                }
                try await connection.send(
                    "PUT /dst/p HTTP/1.1\r\nHost: h\r\nContent-Length: \(128 << 20)\r\n\r\n"
                )
                let (sender, sent) = (connection.sender, SentBytes())
                let sending = Task {
                    for _ in 0..<128 {
                        try await sender.write(ByteBuffer(bytes: more))
                        sent.add(more.count)
                    }
                }
                try await Task.sleep(for: .seconds(1))
                sending.cancel()
                return sent.count
            }
            // The sockets at both ends take up to 36 MiB of it, as Linux has them by default.
            #expect(sent < 64 << 20)
        }
    }

    @Test("A connection on which no request begins is closed")
    func silence() async throws {
        let settings = Self.settings { $0.idleTimeout = Self.silence }
        try await TestServer.run(settings) { server in
            // It may be gone before we have looked.
            let isClosed = try? await RawConnection.with(port: server.port) { await $0.isClosed() }
            #expect(isClosed ?? true)
        }
    }

    @Test("A body slower than the least rate is cut and leaves nothing; others are served")
    func slowBody() async throws {
        let settings = Self.settings {
            $0.bodyWindow = .seconds(1)
            $0.bodyRate = 1 << 20
        }
        try await TestServer.run(settings) { server in
            let head = try server.head("PUT", "/dst/slow", payload: .unsigned, length: 1 << 30)
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(head)
                #expect(try await server.send("GET", "/src/o").body == TestServer.hello)
                let sent = try await Self.drip(connection)
                #expect(sent != nil)
            }
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(head + "a")
                let answer = try await connection.answer()
                #expect(answer.status == 400 && answer.code == "RequestTimeout")
                #expect(await connection.isClosed())
            }
            #expect(try await server.send("GET", "/dst/slow").status == 404)
        }
    }

    @Test("A body at the least rate is not cut")
    func patientBody() async throws {
        let settings = Self.settings {
            $0.bodyWindow = .seconds(1)
            $0.bodyRate = 1
        }
        try await TestServer.run(settings) { server in
            let head = try server.head("PUT", "/dst/slow", payload: .unsigned, length: 300)
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(head)
                // More than one window of waiting.
                for _ in 0..<300 {
                    try await connection.send("a")
                    try await Task.sleep(for: .milliseconds(5))
                }
                #expect(try await connection.answer().status == 200)
            }
        }
    }

    @Test(
        "A client that does not read is cut, nothing of its answer is kept, others are served",
        .timeLimit(.minutes(3))
    )
    func reader() async throws {
        let settings = Self.settings { $0.idleTimeout = Self.silence }
        try await TestServer.run(settings) { server in
            // Sockets of this machine hold some 10 MiB for a reader.
            let size = 32 << 20
            let large = [UInt8](repeating: 7, count: size)
            #expect(try await server.send("PUT", "/src/large", body: large).status == 200)
            let head = try server.head("GET", "/src/large")
            await #expect(throws: (any Error).self) {
                try await RawConnection.with(port: server.port) { connection in
                    try await connection.send(head)
                    // A line of the log follows the end of a request.
                    while try await server.lines.lines(of: "GetObject").isEmpty {}
                    #expect(server.store.reads.bytes < size - (1 << 20))
                    _ = try await connection.answer()
                }
            }
            #expect(server.store.reads.open == 0)
            #expect(try await server.send("GET", "/src/o").body == TestServer.hello)
        }
    }
}

private final class SentBytes: Sendable {
    private let state = Mutex(0)

    var count: Int { self.state.withLock { $0 } }

    func add(_ bytes: Int) { self.state.withLock { $0 += bytes } }
}
