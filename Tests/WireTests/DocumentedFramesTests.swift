import NIOCore
import StoreModel
import TestSupport
import Testing

@testable import Wire

/// What the pages of docs/protocol show is what the code sends and reads.
struct DocumentedFramesTests {
    private func whole(_ message: OutgoingMessage) -> [ByteBuffer] {
        var message = message
        var frames: [ByteBuffer] = []
        while message.isReady {
            var frame = ByteBuffer()
            for part in message.nextFrame() { frame.writeImmutableBuffer(part) }
            frames.append(frame)
        }
        return frames
    }

    @Test("Control frames are those of docs/protocol/frames.md")
    func control() throws {
        let page = try DocumentedBytes(page: "docs/protocol/frames.md")
        #expect(ControlFrame.ping.encoded == (try page.buffer("ping")))
        #expect(ControlFrame.cancel(stream: 7).encoded == (try page.buffer("cancel")))
        let rest = Limit.chunkBytes - FrameLimit.windowBytes
        #expect(ControlFrame.credit(stream: 7, bytes: rest).encoded == (try page.buffer("credit")))
    }

    @Test("Messages are those of docs/protocol/frames.md")
    func messages() throws {
        let page = try DocumentedBytes(page: "docs/protocol/frames.md")
        let describe = OutgoingMessage(
            .request,
            stream: 1,
            message: MessageKind.describe.rawValue,
            epoch: 3,
            head: ByteBuffer(),
            body: ByteBuffer()
        )
        #expect(self.whole(describe) == [try page.buffer("describe request")])
        let reply = OutgoingMessage(
            .reply,
            stream: 7,
            message: MessageKind.blocks.rawValue,
            epoch: 3,
            head: ByteBuffer(string: "hello"),
            body: ByteBuffer(string: "abc")
        )
        #expect(
            self.whole(reply) == [
                try page.buffer("message with a body, first frame"),
                try page.buffer("message with a body, data frame"),
            ]
        )
    }

    @Test("Chunk and slice headers are those of docs/protocol/blocks.md")
    func blocks() throws {
        let page = try DocumentedBytes(page: "docs/protocol/blocks.md")
        let raw = StoredChunk.encode(ByteBuffer(string: "abc"))
        #expect(raw.header.encoded == (try page.bytes("chunk header")))
        #expect(raw.blocks == ByteBuffer(string: "abc"))

        var reader = ByteReader(try page.bytes("deflated chunk header"))
        let header = try ChunkHeader(from: &reader)
        try reader.finish()
        let chunk = try StoredChunk(
            header: header,
            blocks: try page.buffer("deflated chunk blocks")
        )
        #expect(header.table.map(\.codec) == [.deflate])
        #expect(try chunk.content() == ByteBuffer(repeating: UInt8(ascii: "a"), count: 200))

        var sliceReader = ByteReader(try page.bytes("slice header"))
        let slice = try ChunkSliceHeader(from: &sliceReader)
        try sliceReader.finish()
        #expect(slice.contentBytes == Limit.blockBytes + 3)
        #expect(slice.blocks == 1..<2)
        #expect(slice.encoded == (try page.bytes("slice header")))
        let content = try ChunkSlice(header: slice, blocks: ByteBuffer(string: "abc")).content()
        #expect(content == ByteBuffer(string: "abc"))
    }
}
