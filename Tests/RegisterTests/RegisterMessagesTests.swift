import Register
import StoreModel
import Testing

struct RegisterMessagesTests {
    static let requests: [RegisterRequest] = [
        .prepare(ballot(5)), .read, .accept(ballot(5), value([1, 2]), generation: .max),
        .accept(
            ballot(5),
            RegisterValue(changeNumber: 0, lineage: [], body: nil, hasGarbage: false),
            generation: 0
        ),
        .accept(ballot(5), value([1]), generation: 0, next: ballot(6)), .erase(ballot(5)),
        .repair(ballot(5), value([1])), .accept(ballot(5), named, generation: 0),
    ]

    private static let named = RegisterValue(
        changeNumber: 1,
        lineage: [],
        body: [1],
        hasGarbage: false,
        tail: TailName(byteCount: 7, digest: 9)
    )

    static let replies: [RegisterReply] = [
        .promised(accepted: .zero, value: nil), .promised(accepted: ballot(3), value: value([1])),
        .accepted, .conflict(newest: ballot(4)), .fenced(generation: 9),
        .row(accepted: .zero, value: nil), .row(accepted: ballot(3), value: value([])), .corrupt,
        .erased, .tailMissing,
    ]

    private static func check<Message: BinaryRecord & Hashable>(_ message: Message) throws {
        let bytes = message.encoded
        #expect(try Message(decoding: bytes) == message)
        for cut in bytes.indices {
            #expect(throws: RecordError.self) { try Message(decoding: Array(bytes[..<cut])) }
        }
        for index in bytes.indices {
            for flip: UInt8 in [1, 0x80, 0xFF] {
                var damaged = bytes
                damaged[index] ^= flip
                // Another message or none; never a trap, never a second form of one message.
                guard let other = try? Message(decoding: damaged) else { continue }
                #expect(other != message)
                #expect(other.encoded == damaged)
            }
        }
    }

    @Test("Requests survive their binary form, and damage is refused", arguments: requests)
    func requestForm(request: RegisterRequest) throws { try Self.check(request) }

    @Test("Replies survive their binary form, and damage is refused", arguments: replies)
    func replyForm(reply: RegisterReply) throws { try Self.check(reply) }

    @Test("Replies show whole values: one that names its tail is refused")
    func wholeReplies() {
        for reply in [
            RegisterReply.promised(accepted: ballot(3), value: Self.named),
            .row(accepted: ballot(3), value: Self.named),
        ] {
            #expect(throws: RecordError.self) { try RegisterReply(decoding: reply.encoded) }
        }
        let held = HeldRow.row(promised: ballot(3), accepted: ballot(3), value: Self.named)
        #expect(throws: RecordError.self) { try HeldRow(decoding: held.encoded) }
    }

    @Test("Tags are those of the page")
    func tags() {
        #expect(Self.requests.map { $0.encoded[0] } == [1, 3, 2, 2, 2, 4, 5, 2])
        #expect(Self.replies.map { $0.encoded[0] } == [1, 1, 2, 3, 4, 5, 5, 6, 7, 8])
        #expect(throws: RecordError.unknownTag(6)) { try RegisterRequest(decoding: [6]) }
        #expect(throws: RecordError.unknownTag(9)) { try RegisterReply(decoding: [9]) }
    }
}
