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
    /// Told of copies that are damaged or missing.
    let repairs: ChunkRepairs
    let settings: CoordinatorSettings
    let instruments: CoordinatorInstruments

    /// What nodes have done to have a chunk.
    struct Stored: Sendable {
        /// Stored bytes that travelled between nodes.
        var bytesMoved: UInt64 = 0
        /// MD5 of the content, if it was put together by the nodes.
        var digest: [UInt8]?
    }

    /// What became of one request to one node.
    private typealias Answer = (node: NodeID, result: Result<Stored, PeerCallError>)

    /// The nodes to try for a chunk, best first: its replica set, then the others in ring order.
    ///
    /// While replicas are being changed, new chunks go to those who stay.
    private func candidates(for chunk: ChunkName) throws(ClusterError) -> [NodeID] {
        try self.layout(for: chunk).preferenceList(of: chunk.partition)
    }

    /// All nodes that may have a chunk, best first; also those that are leaving.
    private func holders(of chunk: ChunkName) throws(ClusterError) -> [NodeID] {
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
    private func reply(
        of node: NodeID,
        to request: PeerRequest
    ) async throws(PeerCallError) -> PeerReply {
        let timeout = self.settings.chunkTimeout
        do throws(PeerCallError) {
            return try await self.caller.ask(node, request, within: timeout)
        } catch {
            guard error == .staleLayout else { throw error }
            return try await self.caller.ask(node, request, within: timeout)
        }
    }

    /// Has every replica do `request`, until as many as the class asks for have done it durably.
    ///
    /// Nodes that fail are replaced by the next on the ring while too few are left. Stragglers go
    /// on in the background, also if the caller is cancelled.
    ///
    /// - Returns: what the nodes that were waited for have moved.
    /// - Throws: `quorumUnavailable`, `storageFull`, or `dataUnavailable` if all who were to pull
    ///   it found nobody to give it; some replicas may have the chunk all the same.
    func store(
        _ chunk: ChunkName,
        as storageClass: StorageClass,
        _ request: PeerRequest,
        _ watch: ChunkWatch = ChunkWatch()
    ) async throws(ClusterError) -> Stored {
        let gate = Countdown(watch.finished)
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
        let (answers, inbox) = AsyncStream.makeStream(of: Answer.self)
        func send() {
            guard let node = waiting.popFirst() else { return }
            gate.enter()
            self.doors.background.run {
                let result = await self.ask(node, request)
                if case .success(let stored) = result { watch.stored(node, stored.bytesMoved) }
                inbox.yield((node, result))
                gate.leave()
                guard case .failure = result, homes.contains(node) else { return }
                self.repairs.add(chunk, at: node, .write)
            }
        }
        var underWay = 0
        for _ in 0..<first {
            send()
            underWay += 1
        }
        var done = 0
        var total = Stored()
        var failures: [PeerCallError] = []
        for await (node, result) in answers {
            underWay -= 1
            switch result {
            case .success(let stored):
                done += 1
                total.bytesMoved += stored.bytesMoved
                total.digest = stored.digest
            case .failure(let error):
                failures.append(error)
                if error == .network(.timedOut) { self.health.suspect(node) }
            }
            if done == needed {
                // Homes that were passed over get their copies later.
                for node in waiting where homes.contains(node) {
                    self.repairs.add(chunk, at: node, .write)
                }
                return total
            }
            while done + underWay < needed, !waiting.isEmpty {
                send()
                underWay += 1
            }
            if done + underWay < needed { break }
        }
        throw self.error(chunk, done: done, needed: needed, failures)
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
        let trusted = candidates.filter { !self.health.isSuspect($0) }
        let suspects = candidates.filter { self.health.isSuspect($0) }
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

    /// Fetches some blocks of a chunk from the nearest node that has them intact.
    ///
    /// Copies that are missing where the class wants one are replaced afterwards; those that turn
    /// out to be damaged by the nodes that have them.
    ///
    /// - Returns: the decoded content of the blocks.
    /// - Throws: `dataUnavailable` if no node gives them.
    func read(
        _ chunk: ChunkName,
        blocks: Range<Int>,
        as storageClass: StorageClass
    ) async throws(ClusterError) -> ByteBuffer {
        let candidates = try self.holders(of: chunk)
        var missing: [NodeID] = []
        var failures: [PeerCallError] = []
        for node in self.readOrder(candidates) {
            do throws(PeerCallError) {
                let reply = try await self.reply(
                    of: node,
                    to: .readChunk(chunk, blocks: blocks)
                )
                guard case .blocks(let slice) = reply, slice.header.blocks == blocks else {
                    throw .invalid(.invalid("reply"))
                }
                self.instruments.received(storedBytes: slice.blocks.readableBytes)
                let content = await self.doors.workers.run { try? slice.content() }
                guard let content else { throw .invalid(.invalid("damaged on the way")) }
                self.replace(chunk, missingAt: missing, as: storageClass)
                return content
            } catch {
                failures.append(error)
                if case .failure(let failure) = error, failure.code == .notFound {
                    missing.append(node)
                }
                if error == .network(.timedOut) { self.health.suspect(node) }
            }
        }
        throw ClusterError(
            .dataUnavailable,
            "read chunk \(chunk)",
            facts: ["asked": "\(failures.count)"],
            cause: failures.first
        )
    }

    /// Has missing copies replaced, now that a good one is known to exist.
    private func replace(
        _ chunk: ChunkName,
        missingAt nodes: [NodeID],
        as storageClass: StorageClass
    ) {
        guard !nodes.isEmpty, let layout = self.layouts.layout else { return }
        let homes = layout.homes(of: chunk, as: storageClass)
        for node in nodes where homes.contains(node) { self.repairs.add(chunk, at: node, .read) }
    }

    /// The own node first, suspects last.
    private func readOrder(_ candidates: [NodeID]) -> [NodeID] {
        let own = candidates.filter { $0 == self.caller.own }
        let others = candidates.filter { $0 != self.caller.own }
        return own + others.filter { !self.health.isSuspect($0) }
            + others.filter { self.health.isSuspect($0) }
    }

    /// All nodes that may have the chunk, best first: where an independent copy pulls from.
    func sources(of chunk: ChunkName) throws(ClusterError) -> [NodeID] {
        let candidates = try self.holders(of: chunk)
        return candidates.filter { !self.health.isSuspect($0) }
            + candidates.filter { self.health.isSuspect($0) }
    }
}
