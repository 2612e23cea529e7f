import NIOCore
import PeerProtocol
import Register
import Runtime
import StoreModel
import Synchronization

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
        }
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
