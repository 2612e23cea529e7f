package import NIOCore
package import NIOHTTP1

/// An answer whose status is known before its first byte leaves.
package struct HTTPResponse: Sendable {
    package enum Body: Sendable {
        case none
        case bytes(ByteBuffer)
        /// Exactly `length` bytes; if they fail to come, the connection is reset.
        case stream(length: UInt64, any ResponseStream)
    }

    package var status: HTTPResponseStatus
    package var headers: HTTPHeaders
    package var body: Body

    package init(
        _ status: HTTPResponseStatus,
        headers: HTTPHeaders = [:],
        body: Body = .none
    ) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// Where the bytes of an answer come from.
package protocol ResponseStream: Sendable {
    /// The next bytes; nil at the end.
    func next() async throws -> ByteBuffer?
}
