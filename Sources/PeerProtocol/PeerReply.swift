import NIOCore
package import Register
package import Runtime
package import StoreModel
package import Wire

/// What a node answers.
///
/// Bytes: docs/protocol/messages.md.
package enum PeerReply: Sendable {
    /// Carried out.
    ///
    /// The number is the stored bytes moved by a pull, the chunks or copies dropped, or 1 for what
    /// is under way; 0 otherwise.
    case done(UInt64)
    case register(RegisterReply)
    case rows(ScanPage)
    case blocks(ChunkSlice)
    case description(NodeDescription)
    case staleLayout(LayoutRecord)
    case needLayout
    case failure(PeerFailure)
    /// Of the ranges of a partition, or of all partitions of the ring and, last, the system's.
    case digests([RowDigest])
    case ballots(BallotPage)
    /// In the order asked for, or in that of their names.
    case chunkNames([ChunkName])
    case scrubbed(ScrubbedPage)
    case composed(ComposedChunk)
    /// For the first of the keys asked for, in their order: at least one, as many as a page takes.
    case heldRows([HeldRow])
    /// What became of each row that was handed over, in order: whether it is there now.
    case installed([Bool])
    case fences(FencePage)
    case floors(PartitionFloors)
    case change(ChangeReply)
    /// The newest start seen of the asker: not the one that it says its present one comes after.
    case seenStart(NodeStart)
}

extension PeerReply {
    /// The message that carries the reply.
    package func message(epoch: UInt64) -> PeerMessage {
        var writer = ByteWriter()
        var body = ByteBuffer()
        let kind: MessageKind
        switch self {
        case .done(let number):
            kind = .done
            writer.write(number)
        case .register(let reply):
            kind = .registerReply
            reply.encode(into: &writer)
        case .rows(let page):
            kind = .rows
            page.encode(into: &writer)
        case .blocks(let slice):
            kind = .blocks
            slice.header.encode(into: &writer)
            body = slice.blocks
        case .description(let description):
            kind = .description
            description.encode(into: &writer)
        case .staleLayout(let layout):
            kind = .staleLayout
            layout.encode(into: &writer)
        case .needLayout: kind = .needLayout
        case .failure(let failure):
            kind = .failure
            failure.encode(into: &writer)
        case .digests(let digests):
            kind = .digestList
            writer.writeList(digests) { $1.encode(into: &$0) }
        case .ballots(let page):
            kind = .ballotPage
            page.encode(into: &writer)
        case .chunkNames(let names):
            kind = .chunkNames
            writer.writeList(names) { $1.encode(into: &$0) }
        case .scrubbed(let page):
            kind = .scrubPage
            page.encode(into: &writer)
        case .composed(let chunk):
            kind = .composedChunk
            chunk.encode(into: &writer)
        case .heldRows(let rows):
            kind = .heldRowList
            writer.writeList(rows) { $1.encode(into: &$0) }
        case .installed(let outcomes):
            kind = .installed
            writer.writeList(outcomes) { $0.write($1) }
        case .fences(let page):
            kind = .fenceList
            page.encode(into: &writer)
        case .floors(let floors):
            kind = .floorPair
            floors.encode(into: &writer)
        case .change(let reply):
            kind = .changeReply
            reply.encode(into: &writer)
        case .seenStart(let start):
            kind = .seenStart
            start.encode(into: &writer)
        }
        return PeerMessage(
            kind: kind.rawValue,
            epoch: epoch,
            head: ByteBuffer(bytes: writer.bytes),
            body: body
        )
    }

    /// Reads a reply.
    ///
    /// Bytes that are no reply are refused with the reason.
    package init(_ message: PeerMessage) throws(RecordError) {
        guard let kind = MessageKind(rawValue: message.kind) else {
            throw .unknownTag(message.kind)
        }
        var reader = ByteReader(Array(message.head.readableBytesView))
        switch kind {
        case .done: self = .done(try reader.read())
        case .registerReply: self = .register(try RegisterReply(from: &reader))
        case .rows: self = .rows(try ScanPage(from: &reader))
        case .blocks:
            let header = try ChunkSliceHeader(from: &reader)
            do throws(BlockError) {
                self = .blocks(try ChunkSlice(header: header, blocks: message.body))
            } catch { throw .invalid("body length") }
        case .description: self = .description(try NodeDescription(from: &reader))
        case .staleLayout: self = .staleLayout(try LayoutRecord(from: &reader))
        case .needLayout: self = .needLayout
        case .failure: self = .failure(try PeerFailure(from: &reader))
        case .digestList:
            self = .digests(
                try reader.readList(limit: RowDigest.ranges) {
                    reader throws(RecordError) in try RowDigest(from: &reader)
                }
            )
        case .ballotPage: self = .ballots(try BallotPage(from: &reader))
        case .changeReply: self = .change(try ChangeReply(from: &reader))
        case .chunkNames: self = .chunkNames(try PeerRequest.names(&reader))
        case .scrubPage: self = .scrubbed(try ScrubbedPage(from: &reader))
        case .composedChunk: self = .composed(try ComposedChunk(from: &reader))
        case .heldRowList:
            self = .heldRows(
                try reader.readList(limit: HeldRowsRequest.keysMax) {
                    reader throws(RecordError) in try HeldRow(from: &reader)
                }
            )
        case .installed:
            self = .installed(
                try reader.readList(limit: HeldRowsRequest.keysMax) {
                    reader throws(RecordError) in try reader.readBool()
                }
            )
        case .fenceList: self = .fences(try FencePage(from: &reader))
        case .floorPair: self = .floors(try PartitionFloors(from: &reader))
        case .seenStart: self = .seenStart(try NodeStart(from: &reader))
        case .register, .scan, .fence, .writeChunk, .readChunk, .pullChunk, .dropManifest,
            .pushLayout, .describe, .digests, .ballots, .announce, .underWay, .haveChunks,
            .listChunks, .dropCopies, .scrubChunks, .heldRows, .install, .fences, .raiseFences,
            .floors, .raiseFloors, .change, .composeChunk:
            throw .unknownTag(message.kind)
        }
        try reader.finish()
        guard kind == .blocks || message.body.readableBytes == 0 else {
            throw .trailingBytes(message.body.readableBytes)
        }
    }
}
