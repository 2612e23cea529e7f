package import NIOCore

/// Cuts the bytes of a connection into frames.
///
/// Payloads of data frames are handed on in the pieces that arrive, so that they are copied once,
/// to where they belong; all other frames are short and are handed on whole. Nothing is allocated
/// for a length before it was checked.
package struct FrameDecoder: Sendable {
    package enum Part: Hashable, Sendable {
        /// A whole frame of any kind but data, its checksum verified.
        case frame(FrameKind, stream: UInt64, payload: ByteBuffer)
        /// The next bytes of a data frame. The checksum is verified before the last piece is handed
        /// on.
        case data(stream: UInt64, piece: ByteBuffer)
    }

    private enum State {
        case header
        case payload(FrameHeader)
        case data(FrameHeader, left: Int, checksum: CRC32C)
    }

    private var state = State.header
    /// The beginning of a header or payload whose end has not arrived.
    private var pending = ByteBuffer()

    package init() {}

    /// Takes from `input` what makes up the next part.
    ///
    /// - Returns: nil once `input` is used up.
    /// - Throws: what is wrong with the bytes. The decoder must not be used any more.
    package mutating func next(from input: inout ByteBuffer) throws(FrameError) -> Part? {
        while true {
            switch self.state {
            case .header:
                guard var bytes = self.take(FrameHeader.byteCount, from: &input) else { return nil }
                guard let header = try FrameHeader.decode(from: &bytes) else { return nil }
                self.state =
                    header.kind == .data
                    ? .data(header, left: header.payloadBytes, checksum: header.checksumOfHeader())
                    : .payload(header)
            case .payload(let header):
                guard let payload = self.take(header.payloadBytes, from: &input) else { return nil }
                var checksum = header.checksumOfHeader()
                checksum.update(payload)
                try Self.check(checksum, header)
                self.state = .header
                return .frame(header.kind, stream: header.stream, payload: payload)
            case .data(let header, let left, var checksum):
                let bytes = min(left, input.readableBytes)
                guard bytes > 0, let piece = input.readSlice(length: bytes) else { return nil }
                checksum.update(piece)
                if bytes == left {
                    try Self.check(checksum, header)
                    self.state = .header
                } else {
                    self.state = .data(header, left: left - bytes, checksum: checksum)
                }
                return .data(stream: header.stream, piece: piece)
            }
        }
    }

    private static func check(_ checksum: CRC32C, _ header: FrameHeader) throws(FrameError) {
        guard checksum.value == header.checksum else {
            throw .damaged(kind: header.kind, stream: header.stream)
        }
    }

    /// Exactly `count` bytes, or nil with all of `input` put aside until the rest arrives.
    private mutating func take(_ count: Int, from input: inout ByteBuffer) -> ByteBuffer? {
        if self.pending.readableBytes == 0, let whole = input.readSlice(length: count) {
            return whole
        }
        let missing = min(count - self.pending.readableBytes, input.readableBytes)
        if let bytes = input.readSlice(length: missing) { self.pending.writeImmutableBuffer(bytes) }
        guard self.pending.readableBytes == count else { return nil }
        defer { self.pending = ByteBuffer() }
        return self.pending
    }
}
