import NIOCore
import PeerProtocol
import Register
import Runtime
import StoreModel
import Synchronization
import Wire

/// Bounds the work of a node: the number of requests, and the bytes that they keep in memory.
final class RequestGate: Sendable {
    private let requestsMax: Int
    private let underWay = Mutex(0)
    private let rows: ByteBudget
    private let chunks: ByteBudget
    private let pulls: ByteBudget

    init(_ settings: StorageNodeSettings) {
        self.requestsMax = settings.requestsMax
        self.rows = ByteBudget(bytes: settings.rowBytesMax)
        self.chunks = ByteBudget(bytes: settings.chunkBytesMax)
        self.pulls = ByteBudget(bytes: settings.pullBytesMax)
    }

    /// Requests under way.
    var count: Int { self.underWay.withLock { $0 } }

    /// Does the work when its turn has come.
    ///
    /// - Returns: nil, with nothing done, if too much is under way already.
    func run<Value>(_ request: PeerRequest, _ work: () async -> Value) async -> Value? {
        let isIn = self.underWay.withLock { count in
            guard count < self.requestsMax else { return false }
            count += 1
            return true
        }
        guard isIn else { return nil }
        defer { self.underWay.withLock { $0 -= 1 } }
        guard let (budget, bytes) = self.need(of: request) else { return await work() }
        let share = min(bytes, budget.total)
        await budget.take(share)
        defer { budget.release(share) }
        return await work()
    }

    private func need(of request: PeerRequest) -> (ByteBudget, bytes: Int)? {
        switch request {
        case .register(_, .accept(_, let value, _, _)): return (self.rows, value.body?.count ?? 0)
        case .register(_, .repair(_, let value)): return (self.rows, value.body?.count ?? 0)
        case .scan, .heldRows: return (self.rows, RowScan.pageBytes)
        case .install(let request):
            return (self.rows, request.rows.reduce(0) { $0 + ($1.value.body?.count ?? 0) })
        case .writeChunk(_, let chunk): return (self.chunks, chunk.blocks.readableBytes)
        case .readChunk(_, let blocks):
            return (self.chunks, (blocks?.count ?? Limit.chunkBlocks) * Limit.blockBytes)
        case .pullChunk: return (self.pulls, Limit.chunkBytes)
        // The content, and the chunk as stored.
        case .composeChunk: return (self.pulls, 2 * Limit.chunkBytes)
        case .scrubChunks: return (self.chunks, Limit.chunkBytes)
        case .register, .fence, .dropManifest, .pushLayout, .describe, .digests, .ballots,
            .announce, .underWay, .haveChunks, .listChunks, .dropCopies, .fences, .raiseFences,
            .floors, .raiseFloors, .change:
            return nil
        }
    }
}
