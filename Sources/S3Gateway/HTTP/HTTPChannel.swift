import Coordinator
import HummingbirdCore
package import Logging
package import NIOCore
import NIOHTTP1
package import NIOSSL

/// Whoever answers requests.
package protocol HTTPResponder: Sendable {
    /// Answers one request. If no answer has been ended on return, the connection is reset.
    func answer(_ exchange: HTTPExchange) async
    /// What to tell a client whose bytes were no request; nil closes the connection silently.
    func refusal(of end: ConnectionEnd) -> HTTPResponse?
}

/// Speaks HTTP/1 on each accepted connection: one request after the other, in order.
///
/// HummingbirdCore's server accepts, counts and drains connections; this is what it does with one.
/// Why not its own HTTP/1 channel: docs/decisions/0006-http-server.md.
package struct HTTPChannel: ServerChildChannel {
    private let limits: HTTPLimits
    private let responder: any HTTPResponder
    private let tls: NIOSSLContext?

    /// Without `tls` in the clear.
    package init(
        limits: HTTPLimits,
        responder: any HTTPResponder,
        tls: NIOSSLContext? = nil
    ) {
        self.tls = tls
        self.limits = limits
        self.responder = responder
    }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTPConnection> {
        channel.eventLoop.makeCompletedFuture {
            try Self.setOptions(channel)
            let handler = ConnectionHandler(limits: self.limits)
            var decoding = NIOHTTPDecoderLimitConfiguration()
            decoding.maxHeaderFieldSize = self.limits.headerBytes
            decoding.maxHeaderListSize = self.limits.headerBytes
            decoding.maxHeaderFieldCount = self.limits.headerFields
            let decoder = HTTPRequestDecoder(
                leftOverBytesStrategy: .dropBytes,
                limitConfiguration: decoding
            )
            if let tls = self.tls {
                // A handshake counts as part of the first head: it has as much time.
                let handler = NIOSSLServerHandler(context: tls)
                try channel.pipeline.syncOperations.addHandler(handler)
            }
            try channel.pipeline.syncOperations.addHandlers([
                HTTPResponseEncoder(), ByteToMessageHandler(decoder), handler,
            ])
            return HTTPConnection(
                channel: channel,
                handler: handler,
                isSecure: self.tls != nil
            )
        }
    }

    /// Nothing is read until it is asked for, in buffers that grow to 256 KiB with the traffic.
    private static func setOptions(_ channel: any Channel) throws {
        guard let options = channel.syncOptions else { return }
        try options.setOption(.autoRead, value: false)
        try options.setOption(.maxMessagesPerRead, value: 1)
        try options.setOption(.tcpOption(.tcp_nodelay), value: 1)
        try options.setOption(
            .recvAllocator,
            value: AdaptiveRecvByteBufferAllocator(
                minimum: 4_096,
                initial: 16_384,
                maximum: 262_144
            )
        )
        // An answer is read from the store while the socket still has this much of it to send.
        try options.setOption(
            .writeBufferWaterMark,
            value: .init(low: 256 << 10, high: 512 << 10)
        )
    }

    package func handle(value connection: HTTPConnection, logger: Logger) async {
        let executor = EventLoopExecutor(connection.channel.eventLoop)
        await withTaskExecutorPreference(executor) {
            await withTaskCancellationHandler {
                await self.serve(connection)
            } onCancel: {
                connection.channel.close(promise: nil)
            }
        }
    }

    private func serve(_ connection: HTTPConnection) async {
        while true {
            switch await connection.pull(head: true) {
            case .head(let head):
                guard await self.answer(head, on: connection) else { return }
            case .failed(let end):
                await self.refuse(end, on: connection)
                return
            case .body, .end:
                // What is left of a request whose rest was to be thrown away.
                continue
            }
        }
    }

    /// - Returns: whether the connection goes on.
    private func answer(_ head: HTTPRequestHead, on connection: HTTPConnection) async -> Bool {
        await connection.with { $0.exchange = ExchangeState(head) }
        let exchange = HTTPExchange(head: head, connection: connection)
        await self.responder.answer(exchange)
        let goesOn = await connection.with { handler in
            if handler.exchange.answer != .ended {
                handler.reset()
                return false
            }
            if handler.exchange.closesAfter {
                handler.closeGracefully()
                return false
            }
            return true
        }
        guard goesOn else { return false }
        return await self.drain(exchange, connection)
    }

    /// Reads the small rest of a body that nobody wanted.
    private func drain(_ exchange: HTTPExchange, _ connection: HTTPConnection) async -> Bool {
        let body = exchange.body
        do {
            while try await body.next() != nil {}
            return true
        } catch {
            await connection.with { $0.abort() }
            return false
        }
    }

    private func refuse(_ end: ConnectionEnd, on connection: HTTPConnection) async {
        if let response = self.responder.refusal(of: end) {
            await connection.with { $0.exchange = ExchangeState() }
            let exchange = HTTPExchange(head: nil, connection: connection)
            // A client that no longer listens is closed just the same.
            _ = try? await exchange.send(response)
            await connection.with { handler in
                handler.exchange.requestEnded = false
                handler.closeGracefully()
            }
        } else {
            await connection.with { $0.abort() }
        }
    }
}
