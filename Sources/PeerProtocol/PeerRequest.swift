import NIOCore
package import Register
package import Runtime
package import StoreModel
package import Wire

/// A request to a node, as its sender means it.
///
/// Bytes: docs/protocol/messages.md.
package enum PeerRequest: Sendable {
    case register(RegisterKey, RegisterRequest)
    case scan(ScanRequest)
    /// Accepts of the bucket's objects with a lower generation are refused from now on.
    case fence(BucketID, generation: UInt64)
    case writeChunk(ChunkName, StoredChunk)
    /// `nil` asks for all blocks.
    case readChunk(ChunkName, blocks: Range<Int>?)
    case pullChunk(PullRequest)
    case composeChunk(ComposeRequest)
    /// Drops all chunks of the manifest that are in none of the runs.
    case dropManifest(ManifestID, keeping: [SegmentRun])
    case pushLayout(LayoutRecord)
    case describe
    /// The digests of a partition's ranges; nil asks for one sum for each partition.
    case digests(PartitionID?)
    case ballots(BallotRequest)
    /// The sender has started, after the other start: keep it in mind, or say which one was seen.
    case announce(NodeStart, after: NodeStart?)
    /// Asks whether the node's coordinator has the operation under way: 1 or 0.
    case underWay(Undertaking)
    /// Which of these chunks are missing, as far as the index knows; at most ``Limit/chunkNames``.
    case haveChunks([ChunkName])
    /// The next chunks of the node, in order of name; at most ``Limit/chunkNames``.
    case listChunks(after: ChunkName?, limit: Int)
    /// Copies that the node is rid of: only a node itself asks itself for it.
    case dropCopies([ChunkName])
    /// Only a node itself asks itself for it.
    case scrubChunks(ScrubRequest)
    case heldRows(HeldRowsRequest)
    case install(InstallRequest)
    /// Fences of buckets behind this one.
    case fences(after: BucketID?)
    /// At most ``FencePage/fencesMax``.
    case raiseFences([BucketFence])
    case floors(PartitionID)
    case raiseFloors(PartitionID, PartitionFloors)
    /// Change a register in the sender's place; answered in any epoch.
    case change(ChangeRequest)
}

extension PeerRequest {
    /// The message that carries the request.
    package func message(epoch: UInt64) -> PeerMessage {
        var writer = ByteWriter()
        var body = ByteBuffer()
        switch self {
        case .register(let key, let request):
            key.encode(into: &writer)
            request.encode(into: &writer)
        case .scan(let request): request.encode(into: &writer)
        case .fence(let bucket, let generation):
            bucket.encode(into: &writer)
            writer.write(generation)
        case .writeChunk(let name, let chunk):
            name.encode(into: &writer)
            chunk.header.encode(into: &writer)
            body = chunk.blocks
        case .readChunk(let name, let blocks):
            name.encode(into: &writer)
            writer.writeOptional(blocks) {
                $0.write(UInt32($1.lowerBound))
                $0.write(UInt32($1.upperBound))
            }
        case .pullChunk(let request): request.encode(into: &writer)
        case .composeChunk(let request): request.encode(into: &writer)
        case .dropManifest(let manifest, let kept):
            manifest.encode(into: &writer)
            writer.writeList(kept) { $1.encode(into: &$0) }
        case .pushLayout(let layout): layout.encode(into: &writer)
        case .describe: break
        case .digests(let partition): writer.writeOptional(partition) { $1.encode(into: &$0) }
        case .ballots(let request): request.encode(into: &writer)
        case .announce(let start, let previous):
            start.encode(into: &writer)
            writer.writeOptional(previous) { $1.encode(into: &$0) }
        case .underWay(let undertaking): undertaking.encode(into: &writer)
        case .haveChunks(let names), .dropCopies(let names):
            writer.writeList(names) { $1.encode(into: &$0) }
        case .listChunks(let after, let limit):
            precondition((1...Limit.chunkNames).contains(limit))
            writer.writeOptional(after) { $1.encode(into: &$0) }
            writer.write(UInt32(limit))
        case .scrubChunks(let request): request.encode(into: &writer)
        case .heldRows(let request): request.encode(into: &writer)
        case .install(let request): request.encode(into: &writer)
        case .fences(let bucket): writer.writeOptional(bucket) { $1.encode(into: &$0) }
        case .raiseFences(let fences): writer.writeList(fences) { $1.encode(into: &$0) }
        case .floors(let partition): partition.encode(into: &writer)
        case .raiseFloors(let partition, let floors):
            partition.encode(into: &writer)
            floors.encode(into: &writer)
        case .change(let request): request.encode(into: &writer)
        }
        return PeerMessage(
            kind: self.kind.rawValue,
            epoch: epoch,
            head: ByteBuffer(bytes: writer.bytes),
            body: body
        )
    }

    package var kind: MessageKind {
        switch self {
        case .register: .register
        case .scan: .scan
        case .fence: .fence
        case .writeChunk: .writeChunk
        case .readChunk: .readChunk
        case .pullChunk: .pullChunk
        case .composeChunk: .composeChunk
        case .dropManifest: .dropManifest
        case .pushLayout: .pushLayout
        case .describe: .describe
        case .digests: .digests
        case .ballots: .ballots
        case .announce: .announce
        case .underWay: .underWay
        case .haveChunks: .haveChunks
        case .listChunks: .listChunks
        case .dropCopies: .dropCopies
        case .scrubChunks: .scrubChunks
        case .heldRows: .heldRows
        case .install: .install
        case .fences: .fences
        case .raiseFences: .raiseFences
        case .floors: .floors
        case .raiseFloors: .raiseFloors
        case .change: .change
        }
    }

    /// Reads a request.
    ///
    /// Bytes that are no request are refused with the reason.
    package init(_ message: PeerMessage) throws(RecordError) {
        guard let kind = MessageKind(rawValue: message.kind) else {
            throw .unknownTag(message.kind)
        }
        var reader = ByteReader(Array(message.head.readableBytesView))
        switch kind {
        case .register:
            self = .register(
                try RegisterKey(from: &reader),
                try RegisterRequest(from: &reader)
            )
        case .scan: self = .scan(try ScanRequest(from: &reader))
        case .fence:
            self = .fence(try BucketID(from: &reader), generation: try reader.read())
        case .writeChunk:
            let name = try ChunkName(from: &reader)
            self = .writeChunk(name, try Self.chunk(&reader, body: message.body))
        case .readChunk:
            let name = try ChunkName(from: &reader)
            self = .readChunk(name, blocks: try reader.readOptional(Self.blocks))
        case .pullChunk: self = .pullChunk(try PullRequest(from: &reader))
        case .composeChunk: self = .composeChunk(try ComposeRequest(from: &reader))
        case .dropManifest:
            self = .dropManifest(
                try ManifestID(from: &reader),
                keeping: try reader.readList(limit: Limit.segmentRuns) {
                    reader throws(RecordError) in try SegmentRun(from: &reader)
                }
            )
        case .pushLayout: self = .pushLayout(try LayoutRecord(from: &reader))
        case .describe: self = .describe
        case .digests:
            self = .digests(
                try reader.readOptional {
                    reader throws(RecordError) in try PartitionID(from: &reader)
                }
            )
        case .ballots: self = .ballots(try BallotRequest(from: &reader))
        case .announce:
            let start = try NodeStart(from: &reader)
            self = .announce(
                start,
                after: try reader.readOptional {
                    reader throws(RecordError) in try NodeStart(from: &reader)
                }
            )
        case .underWay: self = .underWay(try Undertaking(from: &reader))
        case .change: self = .change(try ChangeRequest(from: &reader))
        case .haveChunks: self = .haveChunks(try Self.names(&reader))
        case .listChunks:
            let after = try reader.readOptional {
                reader throws(RecordError) in try ChunkName(from: &reader)
            }
            let limit = Int(try reader.read(UInt32.self))
            guard (1...Limit.chunkNames).contains(limit) else { throw .invalid("limit of names") }
            self = .listChunks(after: after, limit: limit)
        case .dropCopies: self = .dropCopies(try Self.names(&reader))
        case .scrubChunks: self = .scrubChunks(try ScrubRequest(from: &reader))
        case .heldRows: self = .heldRows(try HeldRowsRequest(from: &reader))
        case .install: self = .install(try InstallRequest(from: &reader))
        case .fences:
            self = .fences(
                after: try reader.readOptional {
                    reader throws(RecordError) in try BucketID(from: &reader)
                }
            )
        case .raiseFences:
            self = .raiseFences(
                try reader.readList(limit: FencePage.fencesMax) {
                    reader throws(RecordError) in try BucketFence(from: &reader)
                }
            )
        case .floors: self = .floors(try PartitionID(from: &reader))
        case .raiseFloors:
            self = .raiseFloors(
                try PartitionID(from: &reader),
                try PartitionFloors(from: &reader)
            )
        case .done, .registerReply, .rows, .blocks, .description, .staleLayout, .needLayout,
            .failure, .digestList, .ballotPage, .chunkNames, .scrubPage, .heldRowList, .installed,
            .fenceList, .floorPair, .changeReply, .composedChunk, .seenStart:
            throw .unknownTag(message.kind)
        }
        try reader.finish()
        guard kind == .writeChunk || message.body.readableBytes == 0 else {
            throw .trailingBytes(message.body.readableBytes)
        }
    }

    static func names(_ reader: inout ByteReader) throws(RecordError) -> [ChunkName] {
        try reader.readList(limit: Limit.chunkNames) {
            reader throws(RecordError) in try ChunkName(from: &reader)
        }
    }

    private static func blocks(_ reader: inout ByteReader) throws(RecordError) -> Range<Int> {
        let lower = Int(try reader.read(UInt32.self))
        let upper = Int(try reader.read(UInt32.self))
        guard lower < upper, upper <= Limit.chunkBlocks else { throw .invalid("block range") }
        return lower..<upper
    }

    static func chunk(
        _ reader: inout ByteReader,
        body: ByteBuffer
    ) throws(RecordError) -> StoredChunk {
        let header = try ChunkHeader(from: &reader)
        do throws(BlockError) {
            return try StoredChunk(header: header, blocks: body)
        } catch { throw .invalid("body length") }
    }
}
