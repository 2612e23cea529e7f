import HummingbirdCore
package import NIOCore
import NIOHTTP1

/// One client connection, as seen from the task that serves it.
///
/// It may be used from any thread; on the connection's own event loop, where the task runs, nothing
/// is handed over.
package struct HTTPConnection: ServerChildChannelValue {
    package let channel: any Channel
    /// Whether it speaks TLS.
    let isSecure: Bool
    private let bound: NIOLoopBound<ConnectionHandler>

    init(channel: any Channel, handler: ConnectionHandler, isSecure: Bool) {
        self.channel = channel
        self.isSecure = isSecure
        self.bound = NIOLoopBound(handler, eventLoop: channel.eventLoop)
    }

    /// Does something with the handler, on its loop.
    func with<Value: Sendable>(
        _ body: @escaping @Sendable (ConnectionHandler) -> Value
    ) async -> Value {
        if self.channel.eventLoop.inEventLoop { return body(self.bound.value) }
        return await withCheckedContinuation { continuation in
            self.channel.eventLoop.execute {
                continuation.resume(returning: body(self.bound.value))
            }
        }
    }

    /// The next part of the client's input.
    ///
    /// `head` says whether a request is to begin; otherwise more of a body is wanted.
    func pull(head: Bool) async -> ConnectionHandler.Part {
        if self.channel.eventLoop.inEventLoop {
            let handler = self.bound.value
            if !head { handler.wantBody() }
            if let part = handler.takeBuffered() { return part }
        }
        return await withCheckedContinuation { continuation in
            self.onLoop { handler in
                if !head { handler.wantBody() }
                handler.pull(head: head, continuation)
            }
        }
    }

    /// Returns once the socket takes more; throws ``ConnectionEnd`` if it never will.
    func awaitWritable() async throws {
        if self.channel.eventLoop.inEventLoop, self.bound.value.canWriteNow { return }
        try await withCheckedThrowingContinuation { continuation in
            self.onLoop { $0.awaitWritable(continuation) }
        }
    }

    private func onLoop(_ body: @escaping @Sendable (ConnectionHandler) -> Void) {
        if self.channel.eventLoop.inEventLoop {
            body(self.bound.value)
        } else {
            self.channel.eventLoop.execute { body(self.bound.value) }
        }
    }
}
