package import NIOCore

/// The short frames that go before all others.
package enum ControlFrame: Hashable, Sendable {
    case credit(stream: UInt64, bytes: Int)
    case cancel(stream: UInt64)
    case ping
    case pong
    case goAway

    package var encoded: ByteBuffer {
        var payload = ByteBuffer()
        let (kind, stream): (FrameKind, UInt64) =
            switch self {
            case .credit(let stream, _): (.credit, stream)
            case .cancel(let stream): (.cancel, stream)
            case .ping: (.ping, 0)
            case .pong: (.pong, 0)
            case .goAway: (.goAway, 0)
            }
        if case .credit(_, let bytes) = self { payload.writeInteger(UInt32(bytes)) }
        var frame = ByteBufferAllocator().buffer(capacity: FrameHeader.byteCount + 4)
        FrameHeader.encode(kind, stream: stream, payload: payload, into: &frame)
        frame.writeImmutableBuffer(payload)
        return frame
    }
}
