import ChunkStore
import NIOCore
import PeerProtocol
import Runtime
import StoreModel
import Synchronization
import Wire

/// Fetches chunks and pieces of chunks from other nodes, each target once, however often it is
/// asked to.
///
/// Guards one fact: which targets are being made. A request for one of them waits for the other's
/// outcome and moves nothing.
final class ChunkPuller: Sendable {
    /// What was done to have a target.
    struct Fetched: Sendable {
        /// Stored bytes that came over the network.
        let bytes: UInt64
        /// MD5 of the content, if the target was made of pieces.
        var digest: [UInt8]?
    }

    private typealias Outcome = Result<Fetched, PeerFailure>

    let chunks: ChunkStore
    let reads: ChunkReads
    let own: NodeID
    let time: any TimeSource
    let workers: any Workers
    private let background: any Background
    private let settings: StorageNodeSettings
    let instruments: NodeInstruments
    private let caller = Mutex<PeerCaller?>(nil)
    private let running = Mutex<[ChunkName: Eventual<Outcome>]>([:])

    init(
        _ chunks: ChunkStore,
        reads: ChunkReads,
        own: NodeID,
        doors: Doors,
        settings: StorageNodeSettings,
        instruments: NodeInstruments
    ) {
        self.chunks = chunks
        self.reads = reads
        self.own = own
        self.time = doors.time
        self.workers = doors.workers
        self.background = doors.background
        self.settings = settings
        self.instruments = instruments
    }

    /// How other nodes are asked; nil as long as there is no network.
    func use(_ caller: PeerCaller?) { self.caller.withLock { $0 = caller } }

    /// Has the chunk under the target's name, durably.
    ///
    /// - Returns: the stored bytes that came over the network for this request; 0 if it was here.
    func pull(_ request: PullRequest) async throws(PeerFailure) -> UInt64 {
        let (fetched, isOwn) = try await self.once(request.target) { () throws(PeerFailure) in
            if await self.isHere(request.target) { return Fetched(bytes: 0) }
            let bytes = try await self.fromFirst(
                of: request.sources,
                since: self.time.nanoseconds
            ) { source throws(PeerFailure) in try await self.fetch(request, from: source) }
            return Fetched(bytes: bytes)
        }
        return isOwn ? fetched.bytes : 0
    }

    /// Makes a target, or waits for whoever does.
    func once(
        _ target: ChunkName,
        _ make: () async throws(PeerFailure) -> Fetched
    ) async throws(PeerFailure) -> (Fetched, isOwn: Bool) {
        let mine = Eventual<Outcome>()
        let other: Eventual<Outcome>? = self.running.withLock { running in
            if let other = running[target] { return other }
            running[target] = mine
            return nil
        }
        if let other { return (try await other.value.get(), isOwn: false) }
        let outcome: Outcome
        do throws(PeerFailure) {
            outcome = .success(try await make())
        } catch { outcome = .failure(error) }
        self.running.withLock { $0[target] = nil }
        mine.fulfil(outcome)
        return (try outcome.get(), isOwn: true)
    }

    private enum Event<Value: Sendable>: Sendable {
        case answer(NodeID, Result<Value, PeerFailure>)
        /// The one that was asked last has been silent for as long as settings say.
        case silence
    }

    /// Fetches something from the first source that gives it; none is asked after the node's
    /// patience has ended.
    ///
    /// While one is silent the next is asked as well: it may stand still.
    func fromFirst<Value: Sendable>(
        of sources: [NodeID],
        since start: UInt64,
        _ fetch: @escaping @Sendable (NodeID) async throws(PeerFailure) -> Value
    ) async throws(PeerFailure) -> Value {
        var last = PeerFailure(.sourceUnavailable, "no source was named")
        // What is here already need not travel.
        if sources.contains(self.own) {
            do throws(PeerFailure) {
                return try await fetch(self.own)
            } catch { last = try Self.failure(error, of: self.own) }
        }
        var waiting = sources.filter { $0 != self.own }[...]
        let (events, inbox) = AsyncStream.makeStream(of: Event<Value>.self)
        var calls: [NodeID: Task<Void, Never>] = [:]
        defer { for call in calls.values { call.cancel() } }
        func send() {
            guard self.elapsed(since: start) < self.settings.pullPatience,
                let source = waiting.popFirst()
            else { return }
            calls[source] = self.background.run {
                do throws(PeerFailure) {
                    inbox.yield(.answer(source, .success(try await fetch(source))))
                } catch { inbox.yield(.answer(source, .failure(error))) }
            }
            guard !waiting.isEmpty else { return }
            self.background.run {
                await self.time.sleep(for: self.settings.sourceSilence)
                inbox.yield(.silence)
            }
        }
        send()
        guard !calls.isEmpty else { throw last }
        for await event in events {
            switch event {
            case .silence: send()
            case .answer(_, .success(let value)): return value
            case .answer(let source, .failure(let error)):
                calls[source] = nil
                last = try Self.failure(error, of: source)
                if calls.isEmpty { send() }
            }
            if calls.isEmpty { break }
        }
        throw last
    }

    /// What a source's failure means for the search.
    ///
    /// - Throws: what stands in the way here, and is the same with every source.
    private static func failure(
        _ error: PeerFailure,
        of source: NodeID
    ) throws(PeerFailure) -> PeerFailure {
        if error.code == .full || error.code == .outOfService { throw error }
        return PeerFailure(.sourceUnavailable, "\(source.short): \(error.text)")
    }

    private func elapsed(since start: UInt64) -> Duration {
        .nanoseconds(Int64(clamping: self.time.nanoseconds &- start))
    }

    func isHere(_ name: ChunkName) async -> Bool {
        do throws(ChunkStoreError) {
            return try await self.chunks.isIntact(name)
        } catch { return false }
    }

    private func fetch(
        _ request: PullRequest,
        from source: NodeID
    ) async throws(PeerFailure) -> UInt64 {
        if source == self.own {
            try await self.write(request.target, try await self.reads.chunk(request.source))
            return 0
        }
        let slice = try await self.ask(source, for: request.source, blocks: nil)
        guard let chunk = StoredChunk(whole: slice) else {
            throw PeerFailure(.sourceUnavailable, "reply is no whole chunk")
        }
        try await self.write(request.target, chunk)
        let bytes = chunk.header.storedBytes
        self.instruments.pulled(storedBytes: bytes)
        return UInt64(bytes)
    }

    /// Writes after verification: what was damaged on its way is never kept.
    ///
    /// Nobody reads a copy just because it was made.
    func write(_ name: ChunkName, _ chunk: StoredChunk) async throws(PeerFailure) {
        try await onChunks { () async throws(ChunkStoreError) in
            try await self.chunks.write(name, chunk, .passing)
        }
    }

    func ask(
        _ source: NodeID,
        for name: ChunkName,
        blocks: Range<Int>?
    ) async throws(PeerFailure) -> ChunkSlice {
        guard let caller = self.caller.withLock({ $0 }) else {
            throw PeerFailure(.sourceUnavailable, "no network yet")
        }
        let request = PeerRequest.readChunk(name, blocks: blocks)
        let timeout = self.settings.sourceTimeout
        let reply: PeerReply
        do throws(PeerCallError) {
            do throws(PeerCallError) {
                reply = try await caller.ask(source, request, within: timeout)
            } catch {
                // Names of chunks do not depend on the layout, so the same question stands.
                guard error == .staleLayout else { throw error }
                reply = try await caller.ask(source, request, within: timeout)
            }
        } catch {
            if case .failure(let failure) = error {
                // The source's trouble is not ours: `full` would end the search.
                throw PeerFailure(.sourceUnavailable, failure.text)
            }
            throw PeerFailure(.sourceUnavailable, "\(error)")
        }
        guard case .blocks(let slice) = reply else {
            throw PeerFailure(.sourceUnavailable, "reply has no blocks")
        }
        return slice
    }
}

extension StoredChunk {
    /// The chunk, if the slice is all of it.
    fileprivate init?(whole slice: ChunkSlice) {
        let count = ChunkHeader.blockCount(contentBytes: slice.header.contentBytes)
        guard slice.header.blocks == 0..<count else { return nil }
        let header = ChunkHeader(
            contentBytes: slice.header.contentBytes,
            table: slice.header.table
        )
        do throws(BlockError) {
            try self.init(header: header, blocks: slice.blocks)
        } catch { return nil }
    }
}

/// Calls the chunk store, with its errors as a peer is told of them.
func onChunks<Value>(
    _ body: () async throws(ChunkStoreError) -> Value
) async throws(PeerFailure) -> Value {
    do throws(ChunkStoreError) { return try await body() } catch { throw PeerFailure(error) }
}
