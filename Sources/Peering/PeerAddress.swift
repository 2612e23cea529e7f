import NIOCore

/// Where a peer port is reached: a host name or address, and a port.
///
/// Text form: `10.0.0.1:7332`, `n1.example:7332`, `[::1]:7332`.
package struct PeerAddress: Hashable, Sendable, CustomStringConvertible {
    package let host: String
    /// 0 asks for any free port when listening.
    package let port: Int

    package init(host: String, port: Int) {
        precondition((0...65_535).contains(port))
        self.host = host
        self.port = port
    }

    /// - Returns: nil unless `text` is a host, a colon and a port.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        var host = text[..<colon]
        let digits = text[text.index(after: colon)...]
        guard digits.allSatisfy(\.isNumber), let port = UInt16(digits) else { return nil }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: Int(port))
    }

    package var description: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }
}
