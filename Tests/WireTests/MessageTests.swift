import NIOCore
import StoreModel
import Testing

@testable import Wire

struct MessageTests {
    static let lengths = [
        (0, 0), (1, 0), (0, 1), (131_072, 0), (131_073, 0), (131_071, 1), (131_071, 2),
        (10, 200_000),
        (300_000, 300_000), (FrameLimit.headBytes, 0), (0, FrameLimit.bodyBytes),
    ]

    private func message(_ head: Int, _ body: Int) -> (OutgoingMessage, ByteBuffer, ByteBuffer) {
        // Every 1,000th byte differs, so that pieces in the wrong order are noticed.
        var head = ByteBuffer(repeating: 0xCD, count: head)
        for index in stride(from: 0, to: head.readableBytes, by: 1_000) {
            head.setInteger(UInt8(truncatingIfNeeded: index / 1_000), at: index)
        }
        let body = ByteBuffer(repeating: 0xAB, count: body)
        let message = OutgoingMessage(
            .request,
            stream: 9,
            message: 4,
            epoch: 2,
            head: head,
            body: body
        )
        return (message, head, body)
    }

    @Test("A message of any length arrives as it left, with credit given once", arguments: lengths)
    func roundTrip(head: Int, body: Int) throws {
        var (outgoing, head, body) = self.message(head, body)
        var incoming: IncomingMessage?
        var decoder = FrameDecoder()
        var sent = 0
        while !outgoing.isDone {
            if !outgoing.isReady {
                let bytes = try #require(incoming?.prefix.creditBytes)
                #expect(sent == FrameLimit.windowBytes, "the window is used up first")
                incoming?.grant()
                let (isGranted, isGrantedMore) = (outgoing.grant(bytes), outgoing.grant(1))
                #expect(isGranted)
                #expect(!isGrantedMore, "there is no more to be sent")
            }
            for var part in outgoing.nextFrame() {
                while let piece = try decoder.next(from: &part) {
                    switch piece {
                    case .frame(.request, 9, let payload):
                        let message = try IncomingMessage(stream: 9, payload: payload)
                        sent += message.head.readableBytes
                        incoming = message
                    case .data(9, let bytes):
                        sent += bytes.readableBytes
                        try incoming?.receive(bytes)
                    default: Issue.record("\(piece)")
                    }
                }
            }
        }
        let whole = try #require(incoming)
        #expect(whole.isComplete)
        #expect(whole.prefix.kind == 4)
        #expect(whole.prefix.epoch == 2)
        #expect(whole.head == head)
        #expect(whole.body == body)
    }

    @Test("Lengths that nobody may announce are refused")
    func lies() throws {
        func payload(_ head: UInt32, _ body: UInt32, rest: Int = 0) -> ByteBuffer {
            var buffer = ByteBuffer()
            buffer.writeMultipleIntegers(UInt8(4), UInt64(1), head, body)
            buffer.writeRepeatingByte(1, count: rest)
            return buffer
        }
        let headLimit = UInt32(FrameLimit.headBytes)
        let bodyLimit = UInt32(FrameLimit.bodyBytes)
        let cases: [(ByteBuffer, FrameError)] = [
            (payload(headLimit + 1, 0), .headTooLong(bytes: FrameLimit.headBytes + 1)),
            (payload(.max, 0), .headTooLong(bytes: Int(UInt32.max))),
            (payload(0, bodyLimit + 1), .bodyTooLong(bytes: FrameLimit.bodyBytes + 1)),
            (payload(5, 0, rest: 4), .wrongFirstPart(announced: 5, found: 4)),
            (payload(5, 0, rest: 6), .wrongFirstPart(announced: 5, found: 6)),
            (payload(0, 5, rest: 5), .wrongFirstPart(announced: 0, found: 5)),
        ]
        for (bytes, error) in cases {
            #expect(throws: error) { try IncomingMessage(stream: 1, payload: bytes) }
        }
    }

    @Test("Content beyond the window or beyond the announced length is refused")
    func tooMuch() throws {
        var payload = ByteBuffer()
        MessagePrefix(kind: 4, epoch: 1, headBytes: 0, bodyBytes: 1 << 20).encode(into: &payload)
        let window = ByteBuffer(repeating: 1, count: FrameLimit.windowBytes)
        var message = try IncomingMessage(stream: 3, payload: payload)
        try message.receive(window)
        #expect(throws: FrameError.tooMuchData(stream: 3)) {
            try message.receive(ByteBuffer(bytes: [1]))
        }
        message.grant()
        try message.receive(ByteBuffer(repeating: 1, count: (1 << 20) - window.readableBytes))
        #expect(message.isComplete)
        #expect(throws: FrameError.tooMuchData(stream: 3)) {
            try message.receive(ByteBuffer(bytes: [1]))
        }
    }

    @Test("Room for a long message is made when credit is given, not when it is announced")
    func noAllocation() throws {
        var payload = ByteBuffer()
        MessagePrefix(
            kind: 4,
            epoch: 1,
            headBytes: 0,
            bodyBytes: FrameLimit.bodyBytes
        ).encode(into: &payload)
        var message = try IncomingMessage(stream: 3, payload: payload)
        #expect(message.body.capacity == 0)
        try message.receive(ByteBuffer(bytes: [1, 2, 3]))
        #expect(message.body.capacity <= 2 * FrameLimit.windowBytes)
        message.grant()
        #expect(message.body.capacity >= FrameLimit.bodyBytes)
    }

    @Test("A receiver that grants more than there is breaks the protocol")
    func tooMuchCredit() {
        var (message, _, _) = self.message(0, 1 << 20)
        // Nothing was announced yet.
        var results = [message.grant(1)]
        _ = message.nextFrame()
        let rest = (1 << 20) - FrameLimit.windowBytes
        for bytes in [0, -1, rest + 1, Int.max, rest, 1] { results.append(message.grant(bytes)) }
        #expect(results == [false, false, false, false, false, true, false])
    }
}
