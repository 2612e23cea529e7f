package import NIOCore
package import NIOHTTP1
import NIOPosix

/// Sends one HTTP/1.1 request over a connection of its own.
///
/// Bodies are streamed both ways with back-pressure: neither side is ever held in memory.
package struct HTTPClient: Sendable {
    package let origin: HTTPOrigin
    /// Longest time without any byte in either direction.
    package var silenceMax: TimeAmount = .seconds(120)

    package init(_ origin: HTTPOrigin) { self.origin = origin }

    /// Sends a request and hands the answer to `receive`.
    ///
    /// `head` has the method, the target and the headers but `Host` and `Connection`; `body` is
    /// asked for the next part until it gives nil.
    package func send<Result: Sendable>(
        _ head: HTTPRequestHead,
        body: () async throws -> ByteBuffer? = { nil },
        receive: (HTTPResponseHead, inout HTTPAnswerBody) async throws -> Result
    ) async throws -> Result {
        var head = head
        head.headers.replaceOrAdd(name: "Host", value: self.origin.description)
        head.headers.replaceOrAdd(name: "Connection", value: "close")
        let channel = try await self.connect()
        return try await channel.executeThenClose { inbound, outbound in
            var refused: (any Error)?
            do {
                try await outbound.write(.head(head))
                while let part = try await body() {
                    try await outbound.write(.body(.byteBuffer(part)))
                }
                try await outbound.write(.end(nil))
            } catch let error where error is ChannelError || error is IOError {
                // A server that refuses a body answers and closes: the answer says why.
                refused = error
            }
            var answer = HTTPAnswerBody(inbound.makeAsyncIterator())
            do {
                let head = try await answer.head()
                return try await receive(head, &answer)
            } catch let error as HTTPClientError {
                throw refused.map { HTTPClientError.broken("\($0)") } ?? error
            }
        }
    }

    private typealias Connection = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    private func connect() async throws -> Connection {
        let silenceMax = self.silenceMax
        do {
            return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(5))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .connect(host: self.origin.host, port: self.origin.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        try pipeline.addHandler(IdleStateHandler(allTimeout: silenceMax))
                        try pipeline.addHTTPClientHandlers()
                        try pipeline.addHandler(SilenceHandler())
                        return try Connection(wrappingChannelSynchronously: channel)
                    }
                }
        } catch {
            throw HTTPClientError.notConnected(self.origin, "\(error)")
        }
    }
}

/// Ends a connection on which nothing happens any more.
private final class SilenceHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            context.fireErrorCaught(HTTPClientError.broken("the server went silent"))
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }
}

/// The body of an answer, part by part.
package struct HTTPAnswerBody {
    private var parts: NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator
    private var hasEnded = false

    init(_ parts: NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator) {
        self.parts = parts
    }

    mutating func head() async throws -> HTTPResponseHead {
        guard case .head(let head) = try await self.parts.next(isolation: #isolation) else {
            throw HTTPClientError.broken("the connection ended without an answer")
        }
        return head
    }

    /// The next part; nil at the end.
    ///
    /// Throws if the body ends early.
    package mutating func next() async throws -> ByteBuffer? {
        if self.hasEnded { return nil }
        switch try await self.parts.next(isolation: #isolation) {
        case .body(let part): return part
        case .end:
            self.hasEnded = true
            return nil
        case .head, nil: throw HTTPClientError.broken("the answer ended early")
        }
    }

    /// The whole body as text, at most `limit` bytes.
    package mutating func text(limit: Int = 4 << 20) async throws -> String {
        var whole = ByteBuffer()
        while let part = try await self.next() {
            guard whole.readableBytes + part.readableBytes <= limit else {
                throw HTTPClientError.tooLong(limit: limit)
            }
            whole.writeImmutableBuffer(part)
        }
        return String(buffer: whole)
    }
}

extension HTTPClient {
    /// The status and the text of a small document.
    package func get(
        _ target: String,
        headers: HTTPHeaders = [:]
    ) async throws -> (status: Int, text: String) {
        try await self.send(
            HTTPRequestHead(version: .http1_1, method: .GET, uri: target, headers: headers)
        ) { head, body in
            (status: Int(head.status.code), text: try await body.text())
        }
    }
}
