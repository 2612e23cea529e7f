package import NIOCore
import StoreModel

/// One request to a node, or its reply.
///
/// `kind` says how to read `head` (docs/protocol/messages.md). `body` carries stored blocks of
/// chunks and nothing else; it is sent as it is, never copied.
package struct PeerMessage: Sendable {
    /// Longest `head`: the largest register value and its envelope, or a page of rows.
    package static let headBytesMax = 8 << 20
    /// Longest `body`: a chunk as stored, which is never larger than its content, and its block
    /// table.
    package static let bodyBytesMax = Limit.chunkBytes + (64 << 10)

    package var kind: UInt8
    /// The epoch of the layout by which the sender acts.
    ///
    /// 0 before the first layout.
    package var epoch: UInt64
    package var head: ByteBuffer
    package var body: ByteBuffer

    package init(kind: UInt8, epoch: UInt64, head: ByteBuffer, body: ByteBuffer = ByteBuffer()) {
        self.kind = kind
        self.epoch = epoch
        self.head = head
        self.body = body
    }
}
