import NIOCore
import PeerProtocol
import Register
import Runtime
import StoreModel
import TestSupport
import Testing
import Wire

/// What docs/protocol/messages.md shows is what the code sends and reads.
struct DocumentedMessagesTests {
    private static let bucket = BucketID(0xa1a2_a3a4_a5a6_a7a8)
    private static let ballot = Ballot(
        round: 0x0102_0304_0506_0708,
        node: 2,
        incarnation: 3,
        sequence: 4
    )
    private static let manifest = ManifestID(partition: PartitionID(index: 17), birth: Self.ballot)
    private static let node = NodeID(high: 0x0102_0304_0506_0708, low: 0x090a_0b0c_0d0e_0f10)

    private static func chunk(_ index: UInt32) -> ChunkName {
        ChunkName(manifest: Self.manifest, part: 0, attempt: 0, index: index)
    }

    /// States that a request has the documented head, and is read back from it.
    private func expect(_ request: PeerRequest, _ example: String) throws {
        let page = try DocumentedBytes(page: "docs/protocol/messages.md")
        let message = request.message(epoch: 3)
        #expect(message.head == (try page.buffer(example)))
        #expect(message.epoch == 3)
        let again = try PeerRequest(message).message(epoch: 3)
        #expect(again.kind == message.kind)
        #expect(again.head == message.head)
        #expect(again.body == message.body)
    }

    @Test("Requests about registers and buckets")
    func registers() throws {
        let photos = try #require(BucketName("photos"))
        try self.expect(.register(.bucket(photos), .read), "register read head")
        let key = try #require(ObjectKey("cat.jpg"))
        try self.expect(
            .register(.object(Self.bucket, key), .prepare(Self.ballot)),
            "register prepare head"
        )
        let value = RegisterValue(
            changeNumber: 2,
            lineage: [],
            body: [1, 2, 3],
            hasGarbage: false,
            tail: TailName(byteCount: 40, digest: 0x0102_0304_0506_0708)
        )
        try self.expect(
            .register(
                .object(Self.bucket, key),
                .accept(Self.ballot, value, generation: 0)
            ),
            "register accept naming head"
        )
        let page = try DocumentedBytes(page: "docs/protocol/messages.md")
        let missing = PeerReply.register(.tailMissing).message(epoch: 0)
        #expect(missing.head == (try page.buffer("tailMissing head")))
        try self.expect(.fence(Self.bucket, generation: 3), "fence head")
        let scan = ScanRequest(
            .objects(Self.bucket, prefix: Array("photos/".utf8), delimiter: Array("/".utf8)),
            after: nil,
            limit: Limit.scanRows
        )
        try self.expect(.scan(scan), "scan head")
        let versions = ScanRequest(
            .versions(Self.bucket, prefix: [], delimiter: nil),
            after: nil,
            limit: 100
        )
        try self.expect(.scan(versions), "versions head")
        let judged = ScanRequest(
            .judged(Self.bucket, prefix: Array("p/".utf8)),
            after: nil,
            limit: 500
        )
        try self.expect(.scan(judged), "judged head")
    }

    @Test("Requests about digests and starts")
    func digests() throws {
        try self.expect(
            .scan(ScanRequest(.tombstones(before: Self.ballot.round), after: nil, limit: 100)),
            "tombstones head"
        )
        try self.expect(.digests(PartitionID(index: 17)), "digests head")
        let request = BallotRequest(
            partition: PartitionID(index: 17),
            ranges: [3, 1_023],
            after: nil,
            limit: BallotPage.rowsMax
        )
        try self.expect(.ballots(request), "ballots head")
        let start = NodeStart(incarnation: 3, number: 0xa1a2_a3a4_a5a6_a7a8)
        let previous = NodeStart(incarnation: 2, number: 7)
        try self.expect(.announce(start, after: previous), "announce head")
        let seen = NodeStart(incarnation: 1, number: 5)
        let answer = PeerReply.seenStart(seen).message(epoch: 0)
        let page = try DocumentedBytes(page: "docs/protocol/messages.md")
        #expect(answer.head == (try page.buffer("seenStart head")))
        guard case .seenStart(seen) = try PeerReply(answer) else {
            Issue.record("not the start that was seen")
            return
        }
        let key = try #require(ObjectKey("cat.jpg"))
        var change = ChangeRequest(
            sender: 3,
            key: .object(BucketID(0xa1a2_a3a4_a5a6_a7a8), key),
            generation: 3,
            deadline: 0x0102_0304_0506_0708,
            kind: .delete,
            change: [0, 0, 0, 0, 0, 0, 0, 0, 0, 42]
        )
        (change.receiver, change.number) = (5, 7)
        try self.expect(.change(change), "change head")
        try self.expect(.underWay(.manifest(Self.manifest)), "underWay head")
        let photos = RegisterKey.bucket(try #require(BucketName("photos")))
        let row = RowBallot(row: photos.row, accepted: Self.ballot)
        let reply = PeerReply.ballots(BallotPage(rows: [row], isTruncated: false))
        #expect(reply.message(epoch: 0).head == (try page.buffer("ballotPage head")))
    }

    @Test("Messages by which rows, fences and floors are handed over")
    func handingOver() throws {
        let photos = RegisterKey.bucket(try #require(BucketName("photos"))).row
        try self.expect(
            .heldRows(HeldRowsRequest(partition: .system, keys: [photos], withValues: true)),
            "heldRows head"
        )
        let row = InstalledRow(
            key: photos,
            ballot: Self.ballot,
            generation: .max,
            value: RegisterValue(changeNumber: 2, lineage: [], body: nil, hasGarbage: false)
        )
        try self.expect(
            .install(InstallRequest(partition: .system, rows: [row])),
            "install head"
        )
        try self.expect(.fences(after: Self.bucket), "fences head")
        try self.expect(
            .raiseFences([BucketFence(bucket: Self.bucket, generation: 3)]),
            "raiseFences head"
        )
        let floors = PartitionFloors(objects: Self.ballot, manifests: .zero, isComplete: true)
        try self.expect(.raiseFloors(PartitionID(index: 17), floors), "raiseFloors head")
        let held: [HeldRow] = [
            .row(promised: Self.ballot, accepted: .zero, value: nil), .damaged,
        ]
        let reply = PeerReply.heldRows(held).message(epoch: 0)
        let page = try DocumentedBytes(page: "docs/protocol/messages.md")
        #expect(reply.head == (try page.buffer("heldRowList head")))
        guard case .heldRows(held) = try PeerReply(reply) else {
            Issue.record("\(reply)")
            return
        }
    }

    @Test("Requests about chunks")
    func chunks() throws {
        let page = try DocumentedBytes(page: "docs/protocol/messages.md")
        #expect(Self.chunk(5).encoded == (try page.bytes("chunk name")))
        try self.expect(.dropManifest(Self.manifest, keeping: []), "dropManifest head")
        let run = SegmentRun(manifest: Self.manifest, part: 1, attempt: 2, length: 5_000_000)
        try self.expect(.dropManifest(Self.manifest, keeping: [run]), "dropManifest keeping head")
        for (subject, what) in [
            (ScanRequest.Subject.unconfirmed, "unconfirmed"), (.contents, "contents"),
            (.chunkManifests, "chunk manifests"), (.partRows, "part rows"),
        ] {
            let scan = ScanRequest(subject, after: nil, limit: 100)
            try self.expect(.scan(scan), "\(what) head")
        }
        let parts = ScanRequest(
            .parts(BucketID(0xa1a2_a3a4_a5a6_a7a8), UploadID(high: 1, low: 2)),
            after: [1, 2] + Array("k".utf8),
            limit: 100
        )
        try self.expect(.scan(parts), "parts head")
        let stored = StoredChunk.encode(ByteBuffer(string: "abc"))
        try self.expect(.writeChunk(Self.chunk(5), stored), "writeChunk head")
        try self.expect(.readChunk(Self.chunk(5), blocks: 2..<4), "readChunk head")
        let pull = PullRequest(
            source: Self.chunk(5),
            target: Self.chunk(6),
            sources: [Self.node]
        )
        try self.expect(.pullChunk(pull), "pullChunk head")
        let compose = ComposeRequest(
            target: Self.chunk(6),
            pieces: [
                ChunkPiece(source: Self.chunk(5), range: 131_072..<131_075, sources: [Self.node]),
                ChunkPiece(source: Self.chunk(7), range: 0..<256),
            ]
        )
        try self.expect(.composeChunk(compose), "composeChunk head")
        let digest: [UInt8] = [
            0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0,
            0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72,
        ]
        let composed = PeerReply.composed(ComposedChunk(bytesMoved: 42, digest: digest))
        let message = composed.message(epoch: 0)
        #expect(message.head == (try page.buffer("composedChunk head")))
        guard case .composed(let again) = try PeerReply(message) else {
            return #expect(Bool(false), "another reply")
        }
        #expect(again == ComposedChunk(bytesMoved: 42, digest: digest))
    }

    @Test("Pieces that no chunk can consist of are refused")
    func badPieces() throws {
        let page = try DocumentedBytes(page: "docs/protocol/messages.md")
        let head = try page.bytes("composeChunk head")
        func expectRefusal(_ change: (inout [UInt8]) -> Void, _ comment: Comment) {
            var bytes = head
            change(&bytes)
            let message = PeerMessage(
                kind: MessageKind.composeChunk.rawValue,
                epoch: 1,
                head: ByteBuffer(bytes: bytes)
            )
            #expect(throws: RecordError.self, comment) { try PeerRequest(message) }
        }
        // The first piece begins behind the target's name and the number of pieces.
        expectRefusal({ $0.replaceSubrange(60..<64, with: [0, 2, 0, 3]) }, "an empty piece")
        expectRefusal({ $0.replaceSubrange(64..<68, with: [0, 64, 0, 1]) }, "beyond a chunk")
        let all: [UInt8] = [0, 0, 0, 0, 0, 64, 0, 0]
        expectRefusal({ $0.replaceSubrange(60..<68, with: all) }, "too much together")
        expectRefusal({ $0.replaceSubrange(28..<32, with: [0, 0, 0, 65]) }, "too many")
        let none = Array(head[..<28]) + [0, 0, 0, 0]
        expectRefusal({ $0 = none }, "none")
    }

    @Test("Requests of healing, and what is answered")
    func healing() throws {
        try self.expect(.haveChunks([Self.chunk(5)]), "haveChunks head")
        try self.expect(.dropCopies([Self.chunk(5)]), "haveChunks head")
        let limit = Limit.chunkNames
        try self.expect(.listChunks(after: Self.chunk(5), limit: limit), "listChunks head")
        try self.expect(.scrubChunks(ScrubRequest(bytes: 4 << 20)), "scrubChunks head")
        let scan = ScanRequest(.manifests, after: nil, limit: Limit.scanRows)
        try self.expect(.scan(scan), "manifests head")
        let page = try DocumentedBytes(page: "docs/protocol/messages.md")
        let names = PeerReply.chunkNames([Self.chunk(5)]).message(epoch: 0)
        #expect(names.head == (try page.buffer("haveChunks head")), "A list is a list.")
        let found = ScrubbedPage(
            read: (bytes: 8_192, chunks: 2),
            isLast: false,
            passBytes: 12_288,
            totalBytes: 1 << 20,
            damaged: [Self.chunk(5)]
        )
        let scrubbed = PeerReply.scrubbed(found).message(epoch: 0)
        #expect(scrubbed.head == (try page.buffer("scrubPage head")))
        guard case .scrubbed(let again) = try PeerReply(scrubbed) else {
            Issue.record("no page of a scrub")
            return
        }
        #expect(again == found)
    }

    @Test("Replies")
    func replies() throws {
        let page = try DocumentedBytes(page: "docs/protocol/messages.md")
        #expect(PeerReply.done(42).message(epoch: 0).head == (try page.buffer("done head")))
        let failure = PeerReply.failure(PeerFailure(.notFound, "no such chunk"))
        #expect(failure.message(epoch: 0).head == (try page.buffer("failure head")))
        let message = PeerMessage(
            kind: MessageKind.blocks.rawValue,
            epoch: 0,
            head: try page.buffer("blocks head"),
            body: ByteBuffer(string: "abc")
        )
        guard case .blocks(let slice) = try PeerReply(message) else {
            Issue.record("not blocks")
            return
        }
        #expect(try slice.content() == ByteBuffer(string: "abc"))
        #expect(slice.header.blocks == 1..<2)
    }

    @Test("The page lists every kind of message by its number")
    func kinds() throws {
        let text = try DocumentedBytes.text(page: "docs/protocol/messages.md")
        for kind in MessageKind.allCases {
            #expect(text.contains("| \(kind.rawValue) | \(kind) |"), "\(kind)")
        }
        for code in PeerFailure.Code.allCases {
            #expect(text.contains("\(code.rawValue) \(code)"), "\(code)")
        }
    }

    @Test("A head cut short, or with a byte too many, is refused")
    func truncated() throws {
        let page = try DocumentedBytes(page: "docs/protocol/messages.md")
        let examples: [(MessageKind, String)] = [
            (.register, "register prepare head"), (.scan, "scan head"), (.fence, "fence head"),
            (.readChunk, "readChunk head"), (.pullChunk, "pullChunk head"),
            (.composeChunk, "composeChunk head"),
            (.dropManifest, "dropManifest head"), (.scan, "tombstones head"),
            (.digests, "digests head"), (.ballots, "ballots head"), (.announce, "announce head"),
            (.change, "change head"),
            (.dropManifest, "dropManifest keeping head"), (.underWay, "underWay head"),
            (.haveChunks, "haveChunks head"), (.dropCopies, "haveChunks head"),
            (.listChunks, "listChunks head"), (.scrubChunks, "scrubChunks head"),
            (.scan, "manifests head"),
        ]
        for (kind, example) in examples {
            let head = try page.bytes(example)
            for count in 0..<head.count {
                let message = PeerMessage(
                    kind: kind.rawValue,
                    epoch: 1,
                    head: ByteBuffer(bytes: head.prefix(count))
                )
                #expect(throws: RecordError.self, "\(example) cut at \(count)") {
                    try PeerRequest(message)
                }
            }
            let long = PeerMessage(
                kind: kind.rawValue,
                epoch: 1,
                head: ByteBuffer(bytes: head + [0])
            )
            #expect(throws: RecordError.self) { try PeerRequest(long) }
            let withBody = PeerMessage(
                kind: kind.rawValue,
                epoch: 1,
                head: ByteBuffer(bytes: head),
                body: ByteBuffer(bytes: [0])
            )
            #expect(throws: RecordError.trailingBytes(1)) { try PeerRequest(withBody) }
        }
    }

    @Test("Random bytes are refused with a reason, never a crash", arguments: UInt64(0)..<128)
    func hostileBytes(seed: UInt64) {
        var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
        func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
        let head = (0..<Int(next() % 200)).map { _ in UInt8(truncatingIfNeeded: next()) }
        for kind in UInt8.min...UInt8.max {
            let message = PeerMessage(kind: kind, epoch: next(), head: ByteBuffer(bytes: head))
            // Some random bytes are a valid request; whatever is read is written back the same.
            if let request = try? PeerRequest(message) {
                #expect(request.message(epoch: message.epoch).head == message.head)
            }
            if let reply = try? PeerReply(message) {
                #expect(reply.message(epoch: message.epoch).head == message.head)
            }
        }
    }
}
