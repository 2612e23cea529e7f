import NIOCore
import PeerProtocol
import Placement
import Runtime
import StoreModel
import Wire

/// What is told of a chunk while its replicas get it, also when nobody waits for them any more.
struct ChunkWatch: Sendable {
    /// A node has it durably; the number is the stored bytes that came to it from other nodes.
    var stored: @Sendable (NodeID, UInt64) -> Void = { _, _ in }
    /// No node is at it any more; once, whatever happens.
    var finished: @Sendable () -> Void = {}
}

/// The replicas of chunks: where they go, and how many must have one.
struct ChunkReplicas: Sendable {
    let caller: PeerCaller
    let layouts: LayoutHolder
    let doors: Doors
    let health: NodeHealth
    let left: LeftWrites
    /// Told of copies that are damaged or missing.
    let repairs: ChunkRepairs
    let settings: CoordinatorSettings
    let instruments: CoordinatorInstruments

    /// Silences for which a write waits if no node has answered: all may be slow, since there is
    /// much to do, and each stand-in is one more.
    private static let writePatience = 4

    /// What nodes have done to have a chunk.
    struct Stored: Sendable {
        /// Stored bytes that travelled between nodes.
        var bytesMoved: UInt64 = 0
        /// MD5 of the content, if it was put together by the nodes.
        var digest: [UInt8]?
    }

    /// What happens while nodes are asked for something.
    enum Event<Value: Sendable>: Sendable {
        case answer(NodeID, Result<Value, PeerCallError>)
        /// So long as settings say.
        case silence
    }

    /// The nodes to try for a chunk, best first: its replica set, then the others in ring order.
    ///
    /// While replicas are being changed, new chunks go to those who stay.
    private func candidates(for chunk: ChunkName) throws(ClusterError) -> [NodeID] {
        try self.layout(for: chunk).preferenceList(of: chunk.partition)
    }

    /// All nodes that may have a chunk, best first; also those that are leaving.
    func holders(of chunk: ChunkName) throws(ClusterError) -> [NodeID] {
        try self.layout(for: chunk).searchList(of: chunk.partition)
    }

    private func layout(for chunk: ChunkName) throws(ClusterError) -> Layout {
        guard let layout = self.layouts.layout else {
            throw ClusterError(.notReady, "find the replicas of chunk \(chunk)")
        }
        return layout
    }

    /// Asks a node about a chunk.
    ///
    /// Names of chunks do not depend on the layout: if ours was the older one, the same question
    /// stands.
    func reply(
        of node: NodeID,
        to request: PeerRequest
    ) async throws(PeerCallError) -> PeerReply {
        let timeout = self.settings.chunkTimeout
        do throws(PeerCallError) {
            return try await self.ask(node, request, within: timeout)
        } catch {
            guard error == .staleLayout else { throw error }
            return try await self.ask(node, request, within: timeout)
        }
    }

    private func ask(
        _ node: NodeID,
        _ request: PeerRequest,
        within timeout: Duration
    ) async throws(PeerCallError) -> PeerReply {
        do throws(PeerCallError) {
            let reply = try await self.caller.ask(node, request, within: timeout)
            self.health.heard(node)
            return reply
        } catch {
            if case .failure = error { self.health.heard(node) }
            throw error
        }
    }

    /// Has every replica do `request`, until as many as the class asks for have done it durably.
    ///
    /// Nodes that fail, or are silent for too long, are replaced by the next on the ring while too
    /// few are left. Stragglers go on in the background, also if the caller is cancelled, unless
    /// their node has stopped answering anything (``LeftWrites``).
    ///
    /// - Returns: what the nodes that were waited for have moved.
    /// - Throws: `quorumUnavailable`, `storageFull`, or `dataUnavailable` if all who were to pull
    ///   it found nobody to give it; some replicas may have the chunk all the same.
    func store(
        _ chunk: ChunkName,
        as storageClass: StorageClass,
        _ request: PeerRequest,
        _ chunkWatch: ChunkWatch = ChunkWatch()
    ) async throws(ClusterError) -> Stored {
        let gate = Countdown(chunkWatch.finished)
        // Nodes may be asked as long as this runs.
        defer { gate.leave() }
        let candidates = try self.candidates(for: chunk)
        let homes = self.layouts.layout?.homes(of: chunk, as: storageClass) ?? []
        let replicas = min(storageClass.replicas, candidates.count)
        let needed =
            self.settings.sabotage.contains(.chunkQuorumOfOne)
            ? 1 : min(storageClass.writeQuorum, replicas)
        let (order, first) = self.order(candidates, replicas: replicas, needed: needed)
        var waiting = order[...]
        let (events, inbox) = AsyncStream.makeStream(of: Event<Stored>.self)
        var watch = SilenceWatch(patience: Self.writePatience)
        var calls: [NodeID: Task<Void, Never>] = [:]
        func send() {
            guard let node = waiting.popFirst() else { return }
            watch.asked(node)
            gate.enter()
            calls[node] = self.doors.background.run {
                let result = await self.ask(node, request)
                if case .success(let stored) = result { chunkWatch.stored(node, stored.bytesMoved) }
                inbox.yield(.answer(node, result))
                gate.leave()
                guard case .failure = result, homes.contains(node) else { return }
                self.repairs.add(chunk, at: node, .write)
            }
        }
        for _ in 0..<first { send() }
        if !waiting.isEmpty { self.awaitSilence { inbox.yield(.silence) } }
        var done = 0
        var total = Stored()
        var failures: [PeerCallError] = []
        for await event in events {
            switch event {
            case .silence:
                // So many of those that are waited for are slow: as many more are asked.
                if watch.isTooLong() { for _ in done..<needed { send() } }
                if !waiting.isEmpty { self.awaitSilence { inbox.yield(.silence) } }
                continue
            case .answer(let node, .success(let stored)):
                self.note(watch.answered(node))
                done += 1
                total.bytesMoved += stored.bytesMoved
                total.digest = stored.digest
            case .answer(let node, .failure(let error)):
                watch.failed(node)
                failures.append(error)
                if error == .network(.timedOut) { self.health.suspect(node) }
            }
            if done == needed {
                // Homes that were passed over get their copies later.
                for node in waiting where homes.contains(node) {
                    self.repairs.add(chunk, at: node, .write)
                }
                for node in watch.silent { self.left.add(calls[node], at: node) }
                return total
            }
            while done + watch.silent.count < needed, !waiting.isEmpty { send() }
            if done + watch.silent.count < needed { break }
        }
        throw self.error(chunk, done: done, needed: needed, failures)
    }

    /// Says when nodes have been silent for as long as settings say.
    func awaitSilence(_ ended: @escaping @Sendable () -> Void) {
        self.doors.background.run {
            await self.doors.time.sleep(for: self.settings.silence)
            ended()
        }
    }

    /// Those who lost to one that was asked later are slow.
    func note(_ answer: SilenceWatch.Answer) {
        self.health.trust(answer.node)
        for node in answer.slower { self.health.suspect(node) }
    }

    /// Has every replica fetch chunks that are stored already, or verify what it has: as many as
    /// the class asks for by the present layout.
    ///
    /// - Throws: as ``store(_:as:_:_:)``.
    func storeAgain(
        _ run: SegmentRun,
        as storageClass: StorageClass
    ) async throws(ClusterError) {
        for first in stride(from: 0, to: run.count, by: self.settings.parallelPulls) {
            let last = min(first + self.settings.parallelPulls, run.count)
            let outcomes = await gather(
                from: (first..<last).map { run.chunk($0) },
                background: self.doors.background,
                ask: { chunk -> Result<Stored, ClusterError>? in
                    await outcome { () throws(ClusterError) in
                        let sources = try self.holders(of: chunk)
                        let request = PullRequest(source: chunk, target: chunk, sources: sources)
                        return try await self.store(chunk, as: storageClass, .pullChunk(request))
                    }
                },
                enough: { _ in false }
            )
            for (_, outcome) in outcomes { _ = try outcome?.get() }
        }
    }

    /// The order in which nodes get the chunk, and how many of them at once.
    ///
    /// Suspect nodes come last, and are left out of the first round if the others suffice.
    private func order(
        _ candidates: [NodeID],
        replicas: Int,
        needed: Int
    ) -> (order: [NodeID], first: Int) {
        let (trusted, suspects) = self.health.split(candidates, asking: replicas)
        return (trusted + suspects, max(needed, min(replicas, trusted.count)))
    }

    private func ask(
        _ node: NodeID,
        _ request: PeerRequest
    ) async -> Result<Stored, PeerCallError> {
        do throws(PeerCallError) {
            if case .writeChunk(_, let chunk) = request {
                self.instruments.sent(storedBytes: chunk.blocks.readableBytes)
            }
            let reply = try await self.reply(of: node, to: request)
            switch (request, reply) {
            case (.composeChunk, .composed(let chunk)):
                return .success(Stored(bytesMoved: chunk.bytesMoved, digest: chunk.digest))
            case (.pullChunk, .done(let bytes)): return .success(Stored(bytesMoved: bytes))
            case (.writeChunk, .done): return .success(Stored())
            default: return .failure(.invalid(.invalid("reply")))
            }
        } catch { return .failure(error) }
    }

    private func error(
        _ chunk: ChunkName,
        done: Int,
        needed: Int,
        _ failures: [PeerCallError]
    ) -> ClusterError {
        let codes = failures.map { failure in
            if case .failure(let failure) = failure { return failure.code as PeerFailure.Code? }
            return nil
        }
        let code: ClusterError.Code
        if codes.contains(.full) {
            code = .storageFull
        } else if !codes.isEmpty, codes.allSatisfy({ $0 == .sourceUnavailable }) {
            code = .dataUnavailable
        } else {
            code = .quorumUnavailable
        }
        return ClusterError(
            code,
            "store chunk \(chunk)",
            facts: ["stored": "\(done)", "needed": "\(needed)"],
            cause: failures.first
        )
    }
}
