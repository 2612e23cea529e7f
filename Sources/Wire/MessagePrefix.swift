package import NIOCore

/// What the first frame of a message says of it, before the beginning of the head.
///
///     message kind u8 | epoch u64 | head bytes u32 | body bytes u32
///
/// Layout: docs/protocol/frames.md, "Messages".
package struct MessagePrefix: Hashable, Sendable {
    package static let byteCount = 17

    package let kind: UInt8
    package let epoch: UInt64
    package let headBytes: Int
    package let bodyBytes: Int

    /// - Precondition: the lengths keep ``FrameLimit/headBytes`` and ``FrameLimit/bodyBytes``.
    package init(kind: UInt8, epoch: UInt64, headBytes: Int, bodyBytes: Int) {
        precondition((0...FrameLimit.headBytes).contains(headBytes))
        precondition((0...FrameLimit.bodyBytes).contains(bodyBytes))
        self.kind = kind
        self.epoch = epoch
        self.headBytes = headBytes
        self.bodyBytes = bodyBytes
    }

    /// Reads the prefix from the payload of a first frame, and refuses lengths nobody may announce.
    package init(from payload: inout ByteBuffer) throws(FrameError) {
        typealias Fields = (UInt8, UInt64, UInt32, UInt32)
        guard let (kind, epoch, head, body) = payload.readMultipleIntegers(as: Fields.self) else {
            throw .badLength(kind: .request, bytes: payload.readableBytes)
        }
        guard head <= FrameLimit.headBytes else { throw .headTooLong(bytes: Int(head)) }
        guard body <= FrameLimit.bodyBytes else { throw .bodyTooLong(bytes: Int(body)) }
        self.init(kind: kind, epoch: epoch, headBytes: Int(head), bodyBytes: Int(body))
    }

    package func encode(into buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            self.kind,
            self.epoch,
            UInt32(self.headBytes),
            UInt32(self.bodyBytes)
        )
    }

    /// Bytes of head and body.
    package var contentBytes: Int { self.headBytes + self.bodyBytes }

    /// Bytes of the head that travel in the first frame.
    package var firstPartBytes: Int { min(self.headBytes, FrameLimit.windowBytes) }

    /// Content for which the receiver must give credit; 0 if the window holds all of it.
    package var creditBytes: Int { max(0, self.contentBytes - FrameLimit.windowBytes) }
}
