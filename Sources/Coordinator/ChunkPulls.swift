import PeerProtocol
import Runtime
import StoreModel

/// Chunks that the target's nodes fetch for a copy, under names of the target's manifest: whole
/// ones as they are stored, and such that are put together of pieces.
///
/// The bytes go from node to node; the coordinator sees none of them. At most
/// ``CoordinatorSettings/parallelPulls`` chunks are under way at once. A chunk that cannot be had
/// is tried again, each time after a longer pause and with another source first; what is there by
/// then is not fetched again.
struct ChunkPulls: Sendable {
    private enum Step: Sendable {
        /// Two runs of the same shape.
        case pull(SegmentRun, as: SegmentRun)
        /// One chunk.
        case compose([ChunkPiece], as: SegmentRun)

        var target: SegmentRun {
            switch self {
            case .pull(_, as: let target), .compose(_, as: let target): target
            }
        }
    }

    /// Where the next chunk goes.
    private var place: ChunkPlace
    private var steps: [Step] = []
    let chunks: ChunkReplicas
    let settings: CoordinatorSettings
    let progress: CopyProgress
    private let stragglers = Stragglers()

    init(into place: ChunkPlace, chunks: ChunkReplicas, progress: CopyProgress) {
        self.place = place
        self.chunks = chunks
        self.settings = chunks.settings
        self.progress = progress
    }

    /// Has whole chunks pulled.
    ///
    /// - Returns: the same runs, with chunks of the target's manifest.
    mutating func pull(_ source: [SegmentRun]) -> [SegmentRun] {
        source.map { run in
            let target = self.next(chunkBytes: Int(run.chunkBytes), length: run.length)
            self.steps.append(.pull(run, as: target))
            return target
        }
    }

    /// Has a chunk put together.
    ///
    /// - Returns: the run that it is.
    mutating func compose(_ pieces: [ChunkPiece]) -> SegmentRun {
        let bytes = pieces.reduce(0) { $0 + $1.range.count }
        let target = self.next(chunkBytes: Limit.chunkBytes, length: UInt64(bytes))
        self.steps.append(.compose(pieces, as: target))
        return target
    }

    /// The next run at the copy's place.
    private mutating func next(chunkBytes: Int, length: UInt64) -> SegmentRun {
        let run = SegmentRun(
            manifest: self.place.manifest,
            part: self.place.part,
            attempt: self.place.attempt,
            first: self.place.first,
            chunkBytes: chunkBytes,
            length: length
        )
        self.place.first += UInt32(run.count)
        return run
    }

    var chunkCount: Int { self.steps.reduce(0) { $0 + $1.target.count } }

    var contentBytes: UInt64 { self.steps.reduce(0) { $0 + $1.target.length } }

    /// Fetches everything.
    ///
    /// - Returns: stored bytes that travelled between nodes, as far as the replicas waited for
    ///   reported them; and the MD5 of the chunk that was put together, if there is one only.
    /// - Throws: the first chunk's failure, or `cancelled` once the copy is stopped; chunks fetched
    ///   by then have to be dropped, and nodes may still be at it: ``awaitStragglers()``.
    func run() async throws(ClusterError) -> ChunkReplicas.Stored {
        let operation = "pull chunks"
        try self.progress.check(operation)
        let result = await self.progress.unlessStopped {
            await outcome { () throws(ClusterError) in try await self.runAll() }
        }
        if case .failure = result { try self.progress.check(operation) }
        return try result.get()
    }

    /// Returns once no node that was asked for a chunk is at it any more.
    ///
    /// - Precondition: ``run()`` has returned; called once.
    func awaitStragglers() async { await self.stragglers.end() }

    private func runAll() async throws(ClusterError) -> ChunkReplicas.Stored {
        do {
            return try await withThrowingTaskGroup(of: ChunkReplicas.Stored.self) { group in
                var total = ChunkReplicas.Stored()
                var underWay = 0
                func add(_ stored: ChunkReplicas.Stored?) {
                    guard let stored else { return }
                    total.bytesMoved += stored.bytesMoved
                    total.digest = stored.digest ?? total.digest
                }
                for step in self.steps {
                    for index in 0..<step.target.count {
                        if underWay == self.settings.parallelPulls {
                            add(try await group.next())
                            underWay -= 1
                        }
                        group.addTask { try await self.fetch(index, of: step) }
                        underWay += 1
                    }
                }
                for try await stored in group { add(stored) }
                return total
            }
        } catch let error as ClusterError {
            throw error
        } catch {
            throw ClusterError(.internalError, "pull chunks", cause: error)
        }
    }

    /// Has one chunk fetched, however many attempts that takes.
    private func fetch(
        _ index: Int,
        of step: Step
    ) async throws(ClusterError) -> ChunkReplicas.Stored {
        let time = self.chunks.doors.time
        let start = time.nanoseconds
        var pause = self.settings.pullPause
        var attempt = 0
        while true {
            do throws(ClusterError) {
                return try await self.fetch(index, of: step, attempt)
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

    private func fetch(
        _ index: Int,
        of step: Step,
        _ attempt: Int
    ) async throws(ClusterError) -> ChunkReplicas.Stored {
        let target = step.target
        let request = try self.request(index, of: step, attempt)
        self.stragglers.enter()
        let (progress, stragglers) = (self.progress, self.stragglers)
        let watch = ChunkWatch(
            stored: { progress.stored(at: $0, bytesMoved: $1) },
            finished: { stragglers.leave() }
        )
        let stored = try await self.chunks.store(
            target.chunk(index),
            as: self.place.storageClass,
            request,
            watch
        )
        self.progress.done(chunks: 1, bytes: UInt64(target.bytes(ofChunk: index)))
        return stored
    }

    private func request(
        _ index: Int,
        of step: Step,
        _ attempt: Int
    ) throws(ClusterError) -> PeerRequest {
        switch step {
        case .pull(let source, as: let target):
            let name = source.chunk(index)
            return .pullChunk(
                PullRequest(
                    source: name,
                    target: target.chunk(index),
                    sources: try self.sources(of: name, attempt)
                )
            )
        case .compose(let pieces, as: let target):
            var found: [ChunkPiece] = []
            for piece in pieces {
                found.append(piece)
                found[found.count - 1].sources = try self.sources(of: piece.source, attempt)
            }
            return .composeChunk(ComposeRequest(target: target.chunk(index), pieces: found))
        }
    }

    /// A node tries few sources before it gives up: not always the same ones.
    private func sources(
        of chunk: ChunkName,
        _ attempt: Int
    ) throws(ClusterError) -> [NodeID] {
        let sources = try self.chunks.sources(of: chunk)
        let shift = sources.isEmpty ? 0 : attempt % sources.count
        return Array(sources[shift...] + sources[..<shift])
    }
}

extension ChunkPiece {
    /// The pieces that a range of an object consists of, in order; no more than `most`, even if
    /// that is not all.
    ///
    /// - Precondition: the range lies within the segments.
    static func all(
        _ segments: [SegmentRun],
        _ range: Range<UInt64>,
        most: Int = .max
    ) -> [ChunkPiece] {
        var steps = ReadSteps(segments, range, blocks: Limit.chunkBlocks)
        var pieces: [ChunkPiece] = []
        while pieces.count < most, let step = steps.next() {
            let base = step.blocks.lowerBound * Limit.blockBytes
            pieces.append(
                ChunkPiece(
                    source: step.chunk,
                    range: (base + step.part.lowerBound)..<(base + step.part.upperBound)
                )
            )
        }
        return pieces
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
