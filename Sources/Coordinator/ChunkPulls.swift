import PeerProtocol
import StoreModel

/// The pulls of an independent copy: each chunk of the source, under a name of the target's
/// manifest.
///
/// The bytes go from node to node as they are stored; the coordinator sees none of them. At most
/// ``CoordinatorSettings/parallelPulls`` chunks are under way at once.
struct ChunkPulls: Sendable {
    let source: [SegmentRun]
    /// The same runs, with chunks of the target's manifest.
    let target: [SegmentRun]
    let storageClass: StorageClass
    let chunks: ChunkReplicas
    let settings: CoordinatorSettings

    init(
        _ source: [SegmentRun],
        into place: ChunkPlace,
        chunks: ChunkReplicas,
        settings: CoordinatorSettings
    ) {
        self.source = source
        var first = place.first
        self.target = source.map { run in
            defer { first += UInt32(run.count) }
            return SegmentRun(
                manifest: place.manifest,
                part: place.part,
                attempt: place.attempt,
                first: first,
                chunkBytes: Int(run.chunkBytes),
                length: run.length
            )
        }
        self.storageClass = place.storageClass
        self.chunks = chunks
        self.settings = settings
    }

    var chunkCount: Int { self.source.reduce(0) { $0 + $1.count } }

    /// Pulls everything.
    ///
    /// - Returns: stored bytes that travelled between nodes, as far as the replicas waited for
    ///   reported them.
    /// - Throws: the first chunk's failure; chunks pulled by then have to be dropped.
    func run() async throws(ClusterError) -> UInt64 {
        do {
            return try await withThrowingTaskGroup(of: UInt64.self) { group in
                var moved: UInt64 = 0
                var underWay = 0
                for (source, target) in zip(self.source, self.target) {
                    for index in 0..<source.count {
                        if underWay == self.settings.parallelPulls {
                            moved += try await group.next() ?? 0
                            underWay -= 1
                        }
                        let (from, into) = (source.chunk(index), target.chunk(index))
                        group.addTask { try await self.pull(from, as: into) }
                        underWay += 1
                    }
                }
                for try await bytes in group { moved += bytes }
                return moved
            }
        } catch let error as ClusterError {
            throw error
        } catch {
            throw ClusterError(.internalError, "pull chunks", cause: error)
        }
    }

    private func pull(_ source: ChunkName, as target: ChunkName) async throws(ClusterError)
        -> UInt64
    {
        let request = PullRequest(
            source: source,
            target: target,
            sources: try self.chunks.sources(of: source)
        )
        return try await self.chunks.store(target, as: self.storageClass, .pullChunk(request))
    }
}
