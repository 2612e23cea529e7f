import Coordinator
import S3Gateway
import S3Protocol
import StoreModel
import Testing

/// HTTP as clients really speak it, over a socket.
struct ConnectionTests {
    @Test("A client that waits for 100 Continue gets it, and then its answer")
    func continues() async throws {
        try await TestServer.run { server in
            let body = TestServer.hello
            let head = try server.head(
                "PUT",
                "/src/expected",
                payload: PayloadHash(of: body),
                length: body.count,
                unsigned: ["Expect": "100-continue"]
            )
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(head)
                #expect(try await connection.answer().status == 100)
                try await connection.send(body)
                #expect(try await connection.answer().status == 200)
            }
        }
    }

    @Test("An empty body that waits for 100 Continue gets it too, and the connection goes on")
    func continuesWithoutBody() async throws {
        try await TestServer.run { server in
            let head = try server.head(
                "PUT",
                "/src/empty",
                payload: .empty,
                length: 0,
                unsigned: ["Expect": "100-continue"]
            )
            try await RawConnection.with(port: server.port) { connection in
                for _ in 0..<2 {
                    try await connection.send(head)
                    #expect(try await connection.answer().status == 100)
                    #expect(try await connection.answer().status == 200)
                }
            }
        }
    }

    @Test("A refused request gets its error instead of 100, and the connection ends")
    func refusedBeforeBody() async throws {
        try await TestServer.run { server in
            let head = try server.head(
                "PUT",
                "/missing/k",
                payload: .unsigned,
                length: 1 << 30,
                unsigned: ["Expect": "100-continue"]
            )
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(head)
                let answer = try await connection.answer()
                #expect(answer.status == 404 && answer.code == "NoSuchBucket")
                #expect(answer.header("connection") == "close")
                #expect(await connection.isClosed())
            }
        }
    }

    @Test("Requests sent at once over one connection are answered in order")
    func pipelining() async throws {
        try await TestServer.run { server in
            let one = try server.head("GET", "/src/o")
            let two = try server.head("HEAD", "/src/o")
            let three = try server.head("GET", "/src/none")
            let put = try server.head(
                "PUT",
                "/src/p",
                payload: PayloadHash(of: TestServer.hello),
                length: 11
            )
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(one + two + three + put + "hello world" + one)
                #expect(try await connection.answer().body == TestServer.hello)
                let head = try await connection.answer(toHead: true)
                #expect(head.header("content-length") == "11")
                #expect(try await connection.answer().code == "NoSuchKey")
                #expect(try await connection.answer().status == 200)
                #expect(try await connection.answer().body == TestServer.hello)
            }
        }
    }

    @Test("An error to HEAD has no body, and the connection goes on")
    func headError() async throws {
        try await TestServer.run { server in
            let bytes = try server.head("HEAD", "/src/none") + server.head("GET", "/src/o")
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(bytes)
                #expect(try await connection.answer(toHead: true).status == 404)
                #expect(try await connection.answer().body == TestServer.hello)
            }
        }
    }

    @Test(
        "Bytes that are no request, or two at once, are told so, and the connection ends",
        arguments: [
            "rubbish\r\n\r\n", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", "GET /\u{0} HTTP/1.1\r\n\r\n",
            "PUT /src/a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "PUT /src/a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: "
                + "chunked\r\n\r\n",
            "PUT /src/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n folded\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        ]
    )
    func malformed(bytes: String) async throws {
        try await TestServer.run { server in
            let answer = try await server.exchange(Array(bytes.utf8))
            #expect(answer.status == 400)
            #expect(answer.code == "BadRequest")
            #expect(answer.header("x-amz-request-id")?.count == 16)
        }
    }

    @Test("Behind a body with two lengths nothing is taken for a request")
    func smuggling() async throws {
        try await TestServer.run { server in
            let hidden = try server.head("DELETE", "/src/o")
            let bytes =
                "PUT /src/a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n\(hidden)"
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(bytes)
                #expect(try await connection.answer().status == 400)
                #expect(await connection.isClosed())
            }
            #expect(try await server.send("GET", "/src/o").status == 200)
        }
    }

    @Test("More requests than the limit are told to come back")
    func tooManyRequests() async throws {
        var settings = S3Settings()
        settings.limits.requestsMax = 1
        settings.lateAnswerDelay = .seconds(30)
        try await TestServer.run(settings) { server in
            // Long enough for a machine that is busy with other tests.
            await server.store.cause(MemoryStore.Trouble(copyDelay: .seconds(3)))
            async let slow = server.copy("src/o", "/dst/c")
            while await server.store.copies.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
            let refused = try await server.send("GET", "/src/o")
            #expect(refused.status == 503 && refused.code == "SlowDown")
            #expect(refused.header("retry-after") == "1")
            #expect(refused.header("x-amz-retry-after") == "1000")
            #expect(try await slow.status == 200)
            #expect(try await server.send("GET", "/src/o").status == 200)
        }
    }

    @Test("A head that is too large is refused")
    func largeHead() async throws {
        try await TestServer.run { server in
            let bytes = "GET / HTTP/1.1\r\nHost: a\r\nX-A: " + String(repeating: "a", count: 70_000)
            let answer = try await server.exchange(Array(bytes.utf8))
            #expect(answer.status == 400)
            #expect(answer.code == "RequestHeaderSectionTooLarge")
        }
    }

    @Test("A server that has too much to do asks the client to come back")
    func overload() async throws {
        let answer = try await TestServer.run { server in
            try await server.store.createBucket(try #require(BucketName("busy")))
            await server.store.cause(MemoryStore.Trouble(listFailure: .busy))
            return try await server.send("GET", "/busy")
        }
        #expect(answer.status == 503 && answer.code == "SlowDown")
        #expect(answer.header("retry-after") == "1")
    }

    @Test("Every answer names itself, in headers and in the error")
    func names() async throws {
        try await TestServer.run { server in
            let good = try await server.send("GET", "/src/o")
            let bad = try await server.send("GET", "/src/none?versionId=null")
            #expect(good.header("x-amz-id-2")?.isEmpty == false)
            #expect(good.header("server") == "Triolet")
            #expect(good.header("date") == server.now.httpDate)
            #expect(bad.element("RequestId") == bad.header("x-amz-request-id"))
            #expect(bad.element("HostId") == bad.header("x-amz-id-2"))
            #expect(bad.element("Resource") == "/src/none")
            #expect(bad.text.hasPrefix("<?xml") && bad.text.contains("<Error><Code>NoSuchVersion"))
            #expect(bad.element("Key") == "none")
        }
    }

    @Test("A read that fails on the way resets the connection")
    func readFails() async throws {
        try await TestServer.run { server in
            let large = [UInt8](repeating: 7, count: 300_000)
            #expect(try await server.send("PUT", "/src/large", body: large).status == 200)
            #expect(try await server.send("GET", "/src/large").body == large)
            await server.store.cause(.init(readFailsAfter: 100_000))
            await #expect(throws: (any Error).self) { try await server.send("GET", "/src/large") }
            await server.store.cause(.init(readFailsAfter: 0))
            let answer = try await server.send("GET", "/src/large")
            #expect(answer.status == 500 && answer.code == "InternalError")
        }
    }

    @Test("What is overwritten while it is read is read anew, and never said to be missing")
    func overwrittenMeanwhile() async throws {
        try await TestServer.run { server in
            #expect(try await server.send("PUT", "/src/a", body: [1, 2, 3]).status == 200)
            await server.store.cause(.init(overwritten: 2))
            let before = await server.store.opens
            let answer = try await server.send("GET", "/src/a")
            #expect(answer.status == 200 && answer.body == [1, 2, 3])
            #expect(await server.store.opens - before == 3)
            // Not for ever.
            await server.store.cause(.init(overwritten: 9))
            let late = try await server.send("GET", "/src/a")
            #expect(late.status == 503 && late.code == "ServiceUnavailable")
            #expect(await server.store.opens - before == 6)
        }
    }
}
