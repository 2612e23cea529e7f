package import NIOCore

/// A message on its way out, cut into frames one at a time.
///
/// The first frame carries the prefix and up to ``FrameLimit/windowBytes`` of the head; data frames
/// carry the rest of the head, then the body, as slices of the buffers given. Content beyond the
/// window waits for credit.
package struct OutgoingMessage: Sendable {
    package let kind: FrameKind
    package let stream: UInt64
    package let prefix: MessagePrefix
    private var head: ByteBuffer
    private var body: ByteBuffer
    private var isStarted = false
    /// Content that may still be sent.
    private var credit = FrameLimit.windowBytes

    /// - Precondition: `kind` is request or reply, and head and body keep their limits.
    package init(
        _ kind: FrameKind,
        stream: UInt64,
        message: UInt8,
        epoch: UInt64,
        head: ByteBuffer,
        body: ByteBuffer
    ) {
        precondition(kind == .request || kind == .reply, "Only these open a message.")
        self.kind = kind
        self.stream = stream
        self.prefix = MessagePrefix(
            kind: message,
            epoch: epoch,
            headBytes: head.readableBytes,
            bodyBytes: body.readableBytes
        )
        self.head = head
        self.body = body
    }

    /// Everything has been given out.
    package var isDone: Bool { self.isStarted && self.bytesLeft == 0 }

    /// There is something to send, and credit for it.
    package var isReady: Bool { !self.isStarted || (self.bytesLeft > 0 && self.credit > 0) }

    private var bytesLeft: Int { self.head.readableBytes + self.body.readableBytes }

    /// Takes note that the receiver has room for more.
    ///
    /// - Returns: false if that is more than there is to send: the receiver breaks the protocol.
    package mutating func grant(_ bytes: Int) -> Bool {
        guard self.isStarted, bytes > 0, bytes <= self.bytesLeft - self.credit else { return false }
        self.credit += bytes
        return true
    }

    /// The next frame, as buffers to be written one after another.
    ///
    /// - Precondition: ``isReady``.
    package mutating func nextFrame() -> [ByteBuffer] {
        precondition(self.isReady, "Nothing may be sent without credit.")
        guard self.isStarted else { return [self.firstFrame()] }
        let bytes = min(self.credit, FrameLimit.dataBytes)
        let payload =
            self.head.readableBytes > 0
            ? Self.take(bytes, from: &self.head) : Self.take(bytes, from: &self.body)
        self.credit -= payload.readableBytes
        var header = ByteBufferAllocator().buffer(capacity: FrameHeader.byteCount)
        FrameHeader.encode(.data, stream: self.stream, payload: payload, into: &header)
        return [header, payload]
    }

    private mutating func firstFrame() -> ByteBuffer {
        self.isStarted = true
        let part = Self.take(self.prefix.firstPartBytes, from: &self.head)
        self.credit -= part.readableBytes
        let bytes = FrameHeader.byteCount + MessagePrefix.byteCount + part.readableBytes
        var frame = ByteBufferAllocator().buffer(capacity: bytes)
        frame.writeRepeatingByte(0, count: FrameHeader.byteCount)
        self.prefix.encode(into: &frame)
        frame.writeImmutableBuffer(part)
        FrameHeader.fill(&frame, self.kind, stream: self.stream)
        return frame
    }

    private static func take(_ bytes: Int, from buffer: inout ByteBuffer) -> ByteBuffer {
        guard let slice = buffer.readSlice(length: min(bytes, buffer.readableBytes)) else {
            preconditionFailure("\(bytes) bytes of \(buffer)")
        }
        return slice
    }
}
