/// Where a server listens.
package struct HTTPOrigin: Hashable, Sendable, CustomStringConvertible {
    package let host: String
    package let port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// As in the Host header.
    package var description: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }
}

/// Why a request has no usable answer.
package enum HTTPClientError: Error, Hashable, Sendable {
    /// Nobody listens, or the connection could not be made in time. Nothing was sent.
    case notConnected(HTTPOrigin, String)
    /// The connection ended, or was silent for too long, before the answer was complete.
    case broken(String)
    /// The answer's body is longer than the caller wanted to hold.
    case tooLong(limit: Int)
}
