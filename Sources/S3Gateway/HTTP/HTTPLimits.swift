/// How much, and for how long, a client may ask of one connection.
///
/// The defaults are meant for clients that nobody knows: a slow one costs a socket and the bounded
/// memory of one request, and not for ever.
package struct HTTPLimits: Hashable, Sendable {
    /// Request line, names and values of one request together, in bytes (64 KiB).
    package var headerBytes = 64 << 10
    /// Header fields of one request.
    package var headerFields = 256
    /// Between the first and the last byte of a request's head.
    package var headerTimeout: Duration = .seconds(10)
    /// Between two requests of one connection, and for a client that does not read its answer.
    package var idleTimeout: Duration = .seconds(60)
    /// A body must bring ``bodyRate`` bytes a second on average over this time of waiting for it.
    package var bodyWindow: Duration = .seconds(30)
    /// Slowest body, in bytes a second, counted only while the server waits for the client.
    package var bodyRate = 1 << 10
    /// Bytes of a body that are read ahead of the one who asks for them (256 KiB, one socket read).
    package var bodyAheadBytes = 256 << 10
    /// Rest of a body that is read and thrown away to keep the connection, in bytes (256 KiB).
    package var drainBytes = 256 << 10
    /// How long bytes of a refused body are thrown away, so that the client sees the answer.
    package var lingerTimeout: Duration = .seconds(2)
    /// Open connections; more wait in the listen queue.
    package var connectionsMax = 1_024
    /// Requests being answered; more are told to come back (503 SlowDown).
    ///
    /// Fewer than connections: somebody has to be left to be told. A body on its way in takes up to
    /// 4 MiB, one on its way out up to 3 MiB.
    package var requestsMax = 512
    /// How long requests in flight may go on once the server was told to stop.
    package var stopTimeout: Duration = .seconds(30)

    package init() {}
}
