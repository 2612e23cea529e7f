import NIOCore
import PeerProtocol
import Runtime
import StoreModel
import Wire

/// Messages between nodes: a byte that says request or reply, the kind, the length of the head in
/// two bytes, the head, and the body.
///
/// A message that is taken has one form: it is written as it was read.
enum MessageTarget {
    static func check(_ bytes: [UInt8]) throws {
        var input = FuzzInput(bytes)
        let isReply = input.flag()
        let kind = input.byte()
        let length = Int(input.number())
        let message = PeerMessage(
            kind: kind,
            epoch: 7,
            head: ByteBuffer(bytes: input.rest.prefix(length)),
            body: ByteBuffer(bytes: input.rest.dropFirst(length))
        )
        if isReply {
            guard let reply = try? PeerReply(message) else { return }
            if case .blocks(let slice) = reply { _ = try? slice.verify() }
            try Self.compare(message, reply.message(epoch: 7))
        } else {
            guard let request = try? PeerRequest(message) else { return }
            if case .writeChunk(_, let chunk) = request { _ = try? chunk.verify() }
            try demand(request.kind.rawValue == kind, "another kind: \(request)")
            try Self.compare(message, request.message(epoch: 7))
        }
    }

    private static func compare(_ message: PeerMessage, _ again: PeerMessage) throws {
        try demand(again.kind == message.kind, "another kind: \(again.kind)")
        try demand(again.head == message.head, "another head: kind \(message.kind)")
        try demand(again.body == message.body, "another body: kind \(message.kind)")
    }
}
