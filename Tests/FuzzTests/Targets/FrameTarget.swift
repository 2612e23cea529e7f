import NIOCore
import StoreModel
import Wire

@testable import Peering

/// What arrives on the peer port: a byte of flags, one for cuts, the bytes of a connection.
///
/// With the first flag the checksums of frames are set right, or nothing would come past them.
///
/// * How the bytes are cut changes neither the frames nor the error.
/// * A frame that was read, written and read again, is the same.
/// * A message is put together to what it announced, and nothing is kept beyond that.
/// * Nobody is let in who cannot prove to know the secret.
enum FrameTarget {
    /// Messages that get credit: each may take ``FrameLimit/headBytes`` and a body.
    private static let grantsMax = 2

    static func check(_ bytes: [UInt8]) throws {
        var input = FuzzInput(bytes)
        let flags = input.byte()
        let cuts = input.byte()
        let sent = flags & 1 == 0 ? input.bytes : Self.repaired(input.bytes)
        let whole = Self.decode(sent, cuts: 0)
        let cut = Self.decode(sent, cuts: cuts)
        try demand(whole.failure == cut.failure, "cuts change the failure: \(cut.failure as Any)")
        try demand(whole.complete == cut.complete, "cuts change the frames")
        let bytes = whole.parts.reduce(0) { $0 + $1.bytes }
        try demand(bytes <= sent.count, "more than was sent")
        for part in whole.parts { try Self.checkAgain(part) }
        try Self.checkMessages(cut.parts, grants: flags & 2 == 2)
        try Self.checkHandshake(sent)
    }

    /// Sets the checksum of each frame right, as far as there are frames.
    static func repaired(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        var start = 0
        while start + FrameHeader.byteCount <= bytes.count {
            let length = bytes[(start + 16)..<(start + 20)].reduce(0) { $0 << 8 | Int($1) }
            let end = start + FrameHeader.byteCount + length
            guard end <= bytes.count else { break }
            var checksum = CRC32C()
            checksum.update(Array(bytes[start..<(start + 20)]))
            checksum.update(Array(bytes[(start + FrameHeader.byteCount)..<end]))
            for index in 0..<4 {
                bytes[start + 20 + index] = UInt8(
                    truncatingIfNeeded: checksum.value >> UInt32(24 - 8 * index)
                )
            }
            start = end
        }
        return bytes
    }

    // MARK: Frames

    private struct Decoded {
        var parts: [FrameDecoder.Part] = []
        var failure: FrameError?

        /// Neighbouring pieces joined, but for those that the failure has cut off.
        var complete: [FrameDecoder.Part] {
            var joined: [FrameDecoder.Part] = []
            for part in self.parts {
                if case .data(let stream, var piece) = part,
                    case .data(stream, let before)? = joined.last
                {
                    joined.removeLast()
                    var both = before
                    both.writeBuffer(&piece)
                    joined.append(.data(stream: stream, piece: both))
                } else {
                    joined.append(part)
                }
            }
            if self.failure != nil, case .data? = joined.last { joined.removeLast() }
            return joined
        }
    }

    private static func decode(_ bytes: [UInt8], cuts: UInt8) -> Decoded {
        var decoder = FrameDecoder()
        var decoded = Decoded()
        do throws(FrameError) {
            for piece in Cuts.pieces(bytes, cuts) {
                var buffer = ByteBuffer(bytes: piece)
                while let part = try decoder.next(from: &buffer) { decoded.parts.append(part) }
            }
        } catch { decoded.failure = error }
        return decoded
    }

    private static func checkAgain(_ part: FrameDecoder.Part) throws {
        let (kind, stream, payload) =
            switch part {
            case .frame(let kind, let stream, let payload): (kind, stream, payload)
            case .data(let stream, let piece): (FrameKind.data, stream, piece)
            }
        var frame = ByteBuffer()
        FrameHeader.encode(kind, stream: stream, payload: payload, into: &frame)
        frame.writeImmutableBuffer(payload)
        var decoder = FrameDecoder()
        try demand(try decoder.next(from: &frame) == part, "another frame: \(part)")
    }

    // MARK: Messages

    private static func checkMessages(_ parts: [FrameDecoder.Part], grants: Bool) throws {
        var messages: [UInt64: IncomingMessage] = [:]
        var granted = 0
        do throws(FrameError) {
            for part in parts {
                switch part {
                case .frame(let kind, let stream, let payload)
                where kind == .request || kind == .reply:
                    var message = try IncomingMessage(stream: stream, payload: payload)
                    if grants, message.prefix.creditBytes > 0, granted < Self.grantsMax {
                        message.grant()
                        granted += 1
                    }
                    messages[stream] = message
                case .frame: break
                case .data(let stream, let piece):
                    try messages[stream]?.receive(piece)
                }
            }
        } catch { return }
        for stream in messages.keys.sorted() {
            guard let message = messages[stream] else { continue }
            let kept = message.head.readableBytes + message.body.readableBytes
            try demand(kept <= message.prefix.contentBytes, "more than announced")
            try demand(message.isComplete == (kept == message.prefix.contentBytes), "complete")
            if message.isComplete, message.prefix.creditBytes == 0 { try Self.sendAgain(message) }
        }
    }

    private static func sendAgain(_ message: IncomingMessage) throws {
        var outgoing = OutgoingMessage(
            .request,
            stream: message.stream,
            message: message.prefix.kind,
            epoch: message.prefix.epoch,
            head: message.head,
            body: message.body
        )
        var decoder = FrameDecoder()
        var again: IncomingMessage?
        while outgoing.isReady {
            for var buffer in outgoing.nextFrame() {
                while let part = try decoder.next(from: &buffer) {
                    switch part {
                    case .frame(_, let stream, let payload):
                        again = try IncomingMessage(stream: stream, payload: payload)
                    case .data(_, let piece): try again?.receive(piece)
                    }
                }
            }
        }
        try demand(again?.isComplete == true, "not sent whole")
        try demand(again?.head == message.head && again?.body == message.body, "another message")
    }

    // MARK: Handshake

    private static func checkHandshake(_ bytes: [UInt8]) throws {
        guard bytes.count >= HandshakeHello.byteCount + Handshake.proofBytes,
            let secret = ClusterSecret("a secret that nobody knows")
        else { return }
        var buffer = ByteBuffer(bytes: bytes)
        var handshake = Handshake(
            role: .listener,
            own: NodeID(high: 1, low: 2),
            key: secret.handshakeKey(cluster: "fuzz"),
            nonce: [UInt8](repeating: 7, count: HandshakeHello.nonceBytes)
        )
        guard case .send? = try? handshake.receive(&buffer) else { return }
        let step = try? handshake.receive(&buffer)
        try demand(step == nil, "let in without the secret")
    }
}

extension FrameDecoder.Part {
    fileprivate var bytes: Int {
        switch self {
        case .frame(_, _, let payload): payload.readableBytes
        case .data(_, let piece): piece.readableBytes
        }
    }
}
