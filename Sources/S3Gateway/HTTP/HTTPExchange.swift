package import Coordinator
package import NIOCore
package import NIOHTTP1

/// One request and the way to answer it.
///
/// An answer is either sent whole (``send(_:)``), or begun, continued and ended. Whoever cannot end
/// an answer that was begun calls ``reset()``, so that the client never takes a part for the whole.
package struct HTTPExchange: Sendable {
    /// nil if the client's bytes were no request.
    package let head: HTTPRequestHead?
    package let remote: SocketAddress?
    private let connection: HTTPConnection

    /// Whether nobody can listen in.
    package var isSecure: Bool { self.connection.isSecure }

    /// Of addresses under which the client reaches the server.
    var scheme: String { self.isSecure ? "https" : "http" }

    init(head: HTTPRequestHead?, connection: HTTPConnection) {
        self.head = head
        self.connection = connection
        self.remote = connection.channel.remoteAddress
    }

    /// The body as it arrives, without any check.
    ///
    /// The first call of `next()` is what makes a client go on that sent `Expect: 100-continue`.
    package var body: any BodySource { RequestBody(connection: self.connection) }

    /// Returns once the client has closed the connection, or its side of it, or the caller is
    /// cancelled.
    ///
    /// One caller at a time.
    func awaitClientLeaving() async {
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        await self.connection.with { handler in handler.whenClientLeaves { end.finish() } }
        for await _ in ends {}
    }

    /// Sends a whole answer.
    ///
    /// - Returns: the bytes of body that were written.
    /// - Throws: what the body threw, or ``ConnectionEnd``; the connection has been reset.
    @discardableResult
    package func send(_ response: HTTPResponse) async throws -> UInt64 {
        var response = response
        let isHead = self.head?.method == .HEAD
        let length: UInt64? =
            switch response.body {
            case .none: response.status.mayHaveResponseBody ? 0 : nil
            case .bytes(let buffer): UInt64(buffer.readableBytes)
            case .stream(let length, _): length
            }
        if let length, !response.headers.contains(name: "content-length") {
            response.headers.add(name: "Content-Length", value: String(length))
        }
        switch response.body {
        case .stream(let length, let stream) where !isHead && length > 0:
            await self.begin(response.status, response.headers, flush: false)
            try await self.copy(stream, length: length)
            await self.end()
            return length
        case .bytes(let buffer) where !isHead:
            await self.sendAtOnce(response.status, response.headers, buffer)
            return UInt64(buffer.readableBytes)
        default:
            await self.sendAtOnce(response.status, response.headers, nil)
            return 0
        }
    }

    /// Writes status and headers.
    ///
    /// Without a `Content-Length` the body is chunked.
    package func begin(
        _ status: HTTPResponseStatus,
        _ headers: HTTPHeaders,
        flush: Bool = true
    ) async {
        await self.connection.with { $0.begin(status, headers, flush: flush) }
    }

    /// Writes a part of the body, and returns once the socket takes more.
    ///
    /// - Throws: ``ConnectionEnd``.
    package func write(_ buffer: ByteBuffer) async throws {
        await self.connection.with { $0.write(.body(.byteBuffer(buffer)), flush: true) }
        try await self.connection.awaitWritable()
    }

    /// Ends an answer that was begun.
    package func end() async { await self.connection.with { $0.endAnswer() } }

    /// Breaks an answer off.
    package func reset() async { await self.connection.with { $0.reset() } }

    private func sendAtOnce(
        _ status: HTTPResponseStatus,
        _ headers: HTTPHeaders,
        _ body: ByteBuffer?
    ) async {
        await self.connection.with { handler in
            handler.begin(status, headers, flush: false)
            if let body { handler.write(.body(.byteBuffer(body)), flush: false) }
            handler.endAnswer()
        }
    }

    private func copy(_ stream: any ResponseStream, length: UInt64) async throws {
        do {
            var sent: UInt64 = 0
            while let buffer = try await stream.next() {
                sent += UInt64(buffer.readableBytes)
                guard sent <= length else { throw WrongLength(announced: length) }
                try await self.write(buffer)
            }
            guard sent == length else { throw WrongLength(announced: length) }
        } catch {
            await self.reset()
            throw error
        }
    }
}

/// A stream that has not as many bytes as were announced.
struct WrongLength: Error {
    let announced: UInt64
}

/// The raw body of one request.
private struct RequestBody: BodySource {
    let connection: HTTPConnection

    func next() async throws -> ByteBuffer? {
        while true {
            if await self.connection.with({ $0.exchange.requestEnded }) { return nil }
            switch await self.connection.pull(head: false) {
            case .body(let buffer) where buffer.readableBytes == 0: continue
            case .body(let buffer): return buffer
            case .end: return nil
            case .failed(let end): throw end
            case .head: throw ConnectionEnd.malformed("a head within a body")
            }
        }
    }
}

extension ConnectionHandler {
    /// Decides whether the connection outlives this answer, and says so in the head.
    func begin(_ status: HTTPResponseStatus, _ headers: HTTPHeaders, flush: Bool) {
        precondition(self.exchange.answer == .none, "An answer begins once.")
        self.exchange.answer = .begun
        var headers = headers
        if !self.keepsConnection {
            headers.replaceOrAdd(name: "Connection", value: "close")
        } else if self.exchange.version == .http1_0 {
            headers.replaceOrAdd(name: "Connection", value: "keep-alive")
        }
        let head = HTTPResponseHead(
            version: self.exchange.version,
            status: status,
            headers: headers
        )
        self.exchange.closesAfter = !self.keepsConnection
        self.write(.head(head), flush: flush)
    }

    func endAnswer() {
        guard self.exchange.answer == .begun else { return }
        self.exchange.answer = .ended
        self.write(.end(nil), flush: true)
    }

    private var keepsConnection: Bool {
        guard self.exchange.keepsAlive, !self.isStopping else { return false }
        // A client that still waits for 100 may send its body or not: nobody could tell the next
        // head.
        if self.exchange.expectsContinue { return false }
        if self.hasWholeRequest { return true }
        guard let remaining = self.exchange.remainingBytes else { return false }
        return remaining <= self.limits.drainBytes
    }
}
