package import NIOCore

/// What a frame is.
package enum FrameKind: UInt8, Hashable, Sendable, CaseIterable {
    /// Opens a stream: prefix of the message and the beginning of its head.
    case request = 1
    /// Answers a stream: the same shape as a request.
    case reply = 2
    /// The next bytes of the message whose first frame went before: head, then body.
    case data = 3
    /// The receiver has room for so many more bytes of the message.
    case credit = 4
    /// The asker no longer wants the reply.
    case cancel = 5
    /// Asks for a sign of life.
    case ping = 6
    case pong = 7
    /// No more requests, please: the sender is shutting down and finishes what it has.
    case goAway = 8

    /// Lengths that the payload may have.
    var payloadBytes: ClosedRange<Int> {
        switch self {
        case .request, .reply:
            MessagePrefix.byteCount...(MessagePrefix.byteCount + FrameLimit.windowBytes)
        case .data: 1...FrameLimit.payloadBytes
        case .credit: 4...4
        case .cancel, .ping, .pong, .goAway: 0...0
        }
    }

    /// Whether frames of this kind belong to a stream; the others have the number 0.
    var hasStream: Bool {
        switch self {
        case .request, .reply, .data, .credit, .cancel: true
        case .ping, .pong, .goAway: false
        }
    }
}

/// The 24 bytes before every payload.
///
/// Layout: docs/protocol/frames.md, "Header". Big-endian:
///
///     magic u32 | version u8 | kind u8 | flags u16 = 0 | stream u64 | payload bytes u32
///     | checksum u32
///
/// The checksum is the CRC32C of the 20 bytes before it and of the payload.
package struct FrameHeader: Hashable, Sendable {
    package static let byteCount = 24
    /// Bytes of the header that the checksum covers.
    static let checkedBytes = 20
    static let magic: UInt32 = 0x5452_494F  // "TRIO"
    static let version: UInt8 = 1

    package let kind: FrameKind
    package let stream: UInt64
    package let payloadBytes: Int
    package let checksum: UInt32

    /// Reads one header and moves the reader index past it.
    ///
    /// - Returns: `nil`, with the buffer untouched, until ``byteCount`` bytes have arrived.
    package static func decode(from buffer: inout ByteBuffer) throws(FrameError) -> FrameHeader? {
        typealias Fields = (UInt32, UInt8, UInt8, UInt16, UInt64, UInt32, UInt32)
        guard
            let (magic, version, tag, flags, stream, bytes, checksum) =
                buffer.readMultipleIntegers(as: Fields.self)
        else { return nil }
        guard magic == Self.magic else { throw .badMagic(found: magic) }
        guard version == Self.version else { throw .unsupportedVersion(found: version) }
        guard let kind = FrameKind(rawValue: tag) else { throw .unknownKind(tag) }
        guard flags == 0 else { throw .unknownFlags(flags) }
        guard kind.hasStream == (stream != 0) else { throw .badStream(kind: kind, stream: stream) }
        guard kind.payloadBytes.contains(Int(bytes)) else {
            throw .badLength(kind: kind, bytes: Int(bytes))
        }
        return FrameHeader(
            kind: kind,
            stream: stream,
            payloadBytes: Int(bytes),
            checksum: checksum
        )
    }

    /// Appends the header of a frame with that payload, but not the payload.
    ///
    /// - Precondition: the length of the payload and the stream number go with the kind.
    package static func encode(
        _ kind: FrameKind,
        stream: UInt64,
        payload: ByteBuffer,
        into buffer: inout ByteBuffer
    ) {
        precondition(
            kind.payloadBytes.contains(payload.readableBytes) && kind.hasStream == (stream != 0),
            "The sender checks what the receiver checks."
        )
        var header = Self.unchecked(kind, stream: stream, payloadBytes: payload.readableBytes)
        var checksum = CRC32C()
        checksum.update(header)
        checksum.update(payload)
        header.writeInteger(checksum.value)
        buffer.writeImmutableBuffer(header)
    }

    /// Puts the header into the first ``byteCount`` bytes of a buffer that holds the payload behind
    /// them.
    static func fill(_ frame: inout ByteBuffer, _ kind: FrameKind, stream: UInt64) {
        let payloadBytes = frame.readableBytes - Self.byteCount
        precondition(
            kind.payloadBytes.contains(payloadBytes) && kind.hasStream == (stream != 0),
            "The sender checks what the receiver checks."
        )
        var header = Self.unchecked(kind, stream: stream, payloadBytes: payloadBytes)
        var checksum = CRC32C()
        checksum.update(header)
        unsafe frame.withUnsafeReadableBytes { bytes in
            let payload = unsafe bytes[Self.byteCount...]
            unsafe checksum.update(UnsafeRawBufferPointer(rebasing: payload))
        }
        header.writeInteger(checksum.value)
        frame.setBuffer(header, at: frame.readerIndex)
    }

    /// The checksum of the header alone, to which that of the payload is added.
    func checksumOfHeader() -> CRC32C {
        var checksum = CRC32C()
        checksum.update(
            Self.unchecked(self.kind, stream: self.stream, payloadBytes: self.payloadBytes)
        )
        return checksum
    }

    /// The header without its checksum.
    private static func unchecked(
        _ kind: FrameKind,
        stream: UInt64,
        payloadBytes: Int
    ) -> ByteBuffer {
        var header = ByteBufferAllocator().buffer(capacity: Self.byteCount)
        header.writeMultipleIntegers(
            Self.magic,
            Self.version,
            kind.rawValue,
            UInt16(0),
            stream,
            UInt32(payloadBytes)
        )
        return header
    }
}
