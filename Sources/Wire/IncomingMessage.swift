package import NIOCore

/// A message on its way in, put together from the pieces that arrive.
///
/// Memory for content beyond the window is allocated by ``grant()``, when room was reserved for it,
/// and not when the sender announced it.
package struct IncomingMessage: Sendable {
    package let stream: UInt64
    package let prefix: MessagePrefix
    package private(set) var head: ByteBuffer
    package private(set) var body = ByteBuffer()
    /// Content that the sender may have sent.
    private var allowed: Int
    private var received: Int

    /// Reads the payload of a first frame.
    ///
    /// What is kept of it is copied: it does not pin the
    /// receive buffer.
    package init(stream: UInt64, payload: ByteBuffer) throws(FrameError) {
        var payload = payload
        self.stream = stream
        self.prefix = try MessagePrefix(from: &payload)
        guard payload.readableBytes == self.prefix.firstPartBytes else {
            throw .wrongFirstPart(
                announced: self.prefix.firstPartBytes,
                found: payload.readableBytes
            )
        }
        self.head = ByteBuffer(bytes: payload.readableBytesView)
        self.received = payload.readableBytes
        self.allowed = min(FrameLimit.windowBytes, self.prefix.contentBytes)
    }

    package var isComplete: Bool { self.received == self.prefix.contentBytes }

    /// Makes room for all of the content.
    ///
    /// The sender is told of ``MessagePrefix/creditBytes`` more.
    ///
    /// - Precondition: called once, for a message that needs credit.
    package mutating func grant() {
        precondition(self.allowed < self.prefix.contentBytes, "Credit is given once.")
        self.allowed = self.prefix.contentBytes
        self.head.reserveCapacity(self.prefix.headBytes)
        self.body.reserveCapacity(self.prefix.bodyBytes)
    }

    /// Takes the next bytes of the content: head, then body.
    package mutating func receive(_ piece: ByteBuffer) throws(FrameError) {
        guard piece.readableBytes <= self.allowed - self.received else {
            throw .tooMuchData(stream: self.stream)
        }
        self.received += piece.readableBytes
        var piece = piece
        let headBytes = self.prefix.headBytes - self.head.readableBytes
        if let part = piece.readSlice(length: min(headBytes, piece.readableBytes)) {
            self.head.writeImmutableBuffer(part)
        }
        if self.body.readableBytes == 0, piece.readableBytes > 0 {
            let bodyBytes = self.allowed - self.prefix.headBytes
            self.body.reserveCapacity(min(self.prefix.bodyBytes, bodyBytes))
        }
        self.body.writeImmutableBuffer(piece)
    }
}
