import PeerProtocol
import Runtime
import StoreModel

/// The pulls of an independent copy: each chunk of the source, under a name of the target's
/// manifest.
///
/// The bytes go from node to node as they are stored; the coordinator sees none of them. At most
/// ``CoordinatorSettings/parallelPulls`` chunks are under way at once. A chunk that cannot be had
/// is tried again, each time after a longer pause and with another source first; what is there by
/// then is not pulled again.
struct ChunkPulls: Sendable {
    let source: [SegmentRun]
    /// The same runs, with chunks of the target's manifest.
    let target: [SegmentRun]
    let storageClass: StorageClass
    let chunks: ChunkReplicas
    let settings: CoordinatorSettings
    let progress: CopyProgress
    private let stragglers: Stragglers

    init(
        _ source: [SegmentRun],
        into place: ChunkPlace,
        chunks: ChunkReplicas,
        progress: CopyProgress
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
        self.settings = chunks.settings
        self.progress = progress
        self.stragglers = Stragglers()
    }

    var chunkCount: Int { self.source.reduce(0) { $0 + $1.count } }

    var contentBytes: UInt64 { self.source.reduce(0) { $0 + $1.length } }

    /// Pulls everything.
    ///
    /// - Returns: stored bytes that travelled between nodes, as far as the replicas waited for
    ///   reported them.
    /// - Throws: the first chunk's failure, or `cancelled` once the copy is stopped; chunks pulled
    ///   by then have to be dropped, and nodes may still be at it: ``awaitStragglers()``.
    func run() async throws(ClusterError) -> UInt64 {
        let operation = "pull chunks"
        try self.progress.check(operation)
        let result = await self.progress.unlessStopped {
            await outcome { () throws(ClusterError) in try await self.pullAll() }
        }
        if case .failure = result { try self.progress.check(operation) }
        return try result.get()
    }

    /// Returns once no node that was asked for a chunk is at it any more.
    ///
    /// - Precondition: ``run()`` has returned; called once.
    func awaitStragglers() async { await self.stragglers.end() }

    private func pullAll() async throws(ClusterError) -> UInt64 {
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
                        group.addTask { try await self.pull(index, of: source, as: target) }
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

    /// Has one chunk pulled, however many attempts that takes.
    private func pull(
        _ index: Int,
        of source: SegmentRun,
        as target: SegmentRun
    ) async throws(ClusterError) -> UInt64 {
        let time = self.chunks.doors.time
        let start = time.nanoseconds
        var pause = self.settings.pullPause
        var attempt = 0
        while true {
            do throws(ClusterError) {
                return try await self.pull(index, of: source, as: target, attempt)
            } catch {
                let mayPass = error.code == .quorumUnavailable || error.code == .dataUnavailable
                let elapsed = Duration.nanoseconds(Int64(clamping: time.nanoseconds &- start))
                guard mayPass, !Task.isCancelled, elapsed + pause < self.settings.pullPatience
                else { throw error }
            }
            self.progress.retried()
            self.chunks.instruments.retriedPull()
            await time.sleep(for: pause)
            pause *= 2
            attempt += 1
        }
    }

    private func pull(
        _ index: Int,
        of source: SegmentRun,
        as target: SegmentRun,
        _ attempt: Int
    ) async throws(ClusterError) -> UInt64 {
        let (from, into) = (source.chunk(index), target.chunk(index))
        let sources = try self.chunks.sources(of: from)
        // A node tries few sources before it gives up: not always the same ones.
        let shift = sources.isEmpty ? 0 : attempt % sources.count
        let request = PullRequest(
            source: from,
            target: into,
            sources: Array(sources[shift...] + sources[..<shift])
        )
        self.stragglers.enter()
        let (progress, stragglers) = (self.progress, self.stragglers)
        let watch = ChunkWatch(
            stored: { progress.stored(at: $0, bytesMoved: $1) },
            finished: { stragglers.leave() }
        )
        let moved = try await self.chunks.store(
            into,
            as: self.storageClass,
            .pullChunk(request),
            watch
        )
        self.progress.done(chunks: 1, bytes: UInt64(source.bytes(ofChunk: index)))
        return moved
    }
}

/// Counts the requests that go on behind the back of whoever made them.
private final class Stragglers: Sendable {
    private let ended = Eventual<Void>()
    private let inside: Countdown

    init() {
        let ended = self.ended
        self.inside = Countdown { ended.fulfil(()) }
    }

    func enter() { self.inside.enter() }
    func leave() { self.inside.leave() }

    /// Returns once all have left; nobody enters any more.
    func end() async {
        self.inside.leave()
        await self.ended.value
    }
}
