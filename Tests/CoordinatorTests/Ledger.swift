import NIOCore
import PeerProtocol
import Register
import Runtime
import StoreModel
import Synchronization
import Wire

/// What a coordinator asked of nodes, its own included.
final class Ledger: Sendable {
    struct Entry: Sendable {
        /// Such as "prepare object" or "write chunk".
        let request: String
        let isRemote: Bool
        /// Stored blocks in the request and in its reply.
        var bodyBytes: Int
        /// Everything else in the request.
        let headBytes: Int
        /// Frames in which request and reply cross the network, credit for what is beyond the
        /// window included; 0 for the own node.
        var frames: Int
        /// Where in memory the blocks of the request lie; 0 without blocks.
        let bodyAddress: UInt
        /// When it left.
        let nanoseconds: UInt64

        /// Whether the answer waits for a sync.
        var isDurable: Bool {
            self.request.hasPrefix("prepare") || self.request.hasPrefix("accept")
                || self.request == "write chunk"
        }
    }

    private let time: any TimeSource
    private let state = Mutex<[Entry]>([])

    init(_ time: any TimeSource) { self.time = time }

    func clear() { self.state.withLock { $0 = [] } }

    var entries: [Entry] { self.state.withLock { $0 } }

    /// Messages by request.
    var counts: [String: Int] {
        self.entries.reduce(into: [:]) { $0[$1.request, default: 0] += 1 }
    }

    var bodyBytes: Int { self.entries.reduce(0) { $0 + $1.bodyBytes } }

    /// Frames between machines.
    var frames: Int { self.entries.reduce(0) { $0 + $1.frames } }

    /// Bytes of requests without their stored blocks.
    var headBytes: Int { self.entries.reduce(0) { $0 + $1.headBytes } }

    fileprivate func note(_ message: PeerMessage, isRemote: Bool) -> Int {
        let request = (try? PeerRequest(message)).map { Self.name($0) } ?? "unknown"
        let bytes = message.body.readableBytes
        return self.state.withLock { entries in
            entries.append(
                Entry(
                    request: request,
                    isRemote: isRemote,
                    bodyBytes: bytes,
                    headBytes: message.head.readableBytes,
                    frames: isRemote ? FrameCount.of(message) : 0,
                    bodyAddress: bytes > 0 ? Self.address(of: message.body) : 0,
                    nanoseconds: self.time.nanoseconds
                )
            )
            return entries.count - 1
        }
    }

    fileprivate func note(_ reply: PeerMessage, to entry: Int) {
        self.state.withLock { entries in
            guard entries.indices.contains(entry) else { return }
            entries[entry].bodyBytes += reply.body.readableBytes
            if entries[entry].isRemote { entries[entry].frames += FrameCount.of(reply) }
        }
    }

    private static func address(of buffer: ByteBuffer) -> UInt {
        unsafe buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
    }

    private static func name(_ request: PeerRequest) -> String {
        switch request {
        case .register(let key, let request):
            let kind =
                switch key {
                case .object: "object"
                case .part: "part"
                case .manifest: "manifest"
                case .bucket: "bucket"
                case .layout: "layout"
                case .accessKeys: "access keys"
                }
            switch request {
            case .prepare: return "prepare \(kind)"
            case .accept: return "accept \(kind)"
            case .read: return "read \(kind)"
            case .erase: return "erase \(kind)"
            case .repair: return "repair \(kind)"
            }
        case .scan: return "scan"
        case .fence: return "fence"
        case .writeChunk: return "write chunk"
        case .readChunk: return "read chunk"
        case .pullChunk: return "pull chunk"
        case .composeChunk: return "compose chunk"
        case .dropManifest: return "drop manifest"
        case .pushLayout: return "push layout"
        case .describe: return "describe"
        case .digests: return "digests"
        case .ballots: return "ballots"
        case .announce: return "announce"
        case .underWay: return "under way"
        case .haveChunks: return "have chunks"
        case .listChunks: return "list chunks"
        case .dropCopies: return "drop copies"
        case .scrubChunks: return "scrub chunks"
        case .heldRows: return "held rows"
        case .install: return "install"
        case .fences: return "fences"
        case .raiseFences: return "raise fences"
        case .floors: return "floors"
        case .raiseFloors: return "raise floors"
        case .change: return "change"
        }
    }
}

/// How many frames a message takes, by the code that cuts it.
enum FrameCount {
    /// Those of the message, and one in which the receiver gives credit if it needs some.
    static func of(_ message: PeerMessage) -> Int {
        var outgoing = OutgoingMessage(
            .request,
            stream: 1,
            message: message.kind,
            epoch: message.epoch,
            head: message.head,
            body: message.body
        )
        let content = message.head.readableBytes + message.body.readableBytes
        var frames = 0
        while !outgoing.isDone {
            if outgoing.isReady {
                _ = outgoing.nextFrame()
            } else {
                // As ``IncomingMessage/grant()`` does: for all the rest at once.
                precondition(outgoing.grant(content - FrameLimit.windowBytes))
            }
            frames += 1
        }
        return frames
    }
}

/// A way to other nodes that keeps a ledger.
struct CountingNetwork: Network {
    let remote: any Network
    let ledger: Ledger

    func call(
        _ node: NodeID,
        _ request: PeerMessage,
        within timeout: Duration
    ) async throws(NetworkError) -> PeerMessage {
        let entry = self.ledger.note(request, isRemote: true)
        let reply = try await self.remote.call(node, request, within: timeout)
        self.ledger.note(reply, to: entry)
        return reply
    }
}

/// The way to the own node, likewise.
struct CountingHandler: PeerHandler {
    let handler: any PeerHandler
    let ledger: Ledger

    func handle(_ request: PeerMessage, from node: NodeID) async -> PeerMessage {
        let entry = self.ledger.note(request, isRemote: false)
        let reply = await self.handler.handle(request, from: node)
        self.ledger.note(reply, to: entry)
        return reply
    }
}
