import NIOCore
import NIOHTTP1

/// Why nothing more is read from a connection.
package enum ConnectionEnd: Error, Hashable, Sendable {
    /// The client closed its side, or the connection broke.
    case closed
    /// The bytes are no HTTP request.
    case malformed(String)
    /// The head is larger than ``HTTPLimits/headerBytes`` or has too many fields.
    case headerTooLarge
    /// The head did not arrive in time.
    case headerTooSlow
    /// Nothing arrived for ``HTTPLimits/idleTimeout``.
    case idle
    /// The body came slower than ``HTTPLimits/bodyRate``.
    case bodyTooSlow
    /// The client does not read its answer.
    case answerNotRead
    /// The server stops.
    case stopping

    init(_ error: any Error) {
        switch error {
        case HTTPParserError.headerOverflow: self = .headerTooLarge
        case HTTPParserError.invalidEOFState, HTTPParserError.closedConnection: self = .closed
        case is HTTPParserError: self = .malformed("\(error)")
        case let end as ConnectionEnd: self = end
        default: self = .closed
        }
    }
}
