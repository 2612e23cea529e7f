import Content
import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel
import Synchronization

/// Copies of chunks that are damaged or missing, and how they are replaced.
///
/// A bounded queue in memory: what it loses is found again by the rounds of healing and by the
/// scrub. Source: docs/protocol/content.md, "Healing".
final class ChunkRepairs: Sendable {
    /// How somebody came to know of a bad copy.
    enum Reason: Sendable, CaseIterable {
        case read, scrub, write, round
    }

    /// What became of a copy.
    enum Outcome: Hashable, Sendable {
        /// It is there, whole.
        ///
        /// The stored bytes that travelled for it: 0 if it was there before.
        case there(bytes: UInt64)
        /// Nobody needs it any more, or nobody can tell yet.
        case notNeeded
        case postponed
    }

    private struct Copy: Hashable, Sendable {
        let chunk: ChunkName
        let node: NodeID
    }

    private struct Waiting: Sendable {
        let copy: Copy
        let reason: Reason
        /// In nanoseconds of ``TimeSource``.
        let since: UInt64
        var due: UInt64
        var attempts = 0
    }

    private struct State {
        var waiting: [Waiting] = []
        var known: Set<Copy> = []
        var repaired = 0
        var givenUp = 0
        /// What a write did not get onto a node is in this queue no more.
        var isIncomplete = false
    }

    /// Most copies that wait; more are left to the rounds.
    static let waitingMax = 4_096
    /// Times that one copy is tried, a second and then ever longer after one another.
    static let attemptsMax = 6

    let caller: PeerCaller
    let layouts: LayoutHolder
    let doors: Doors
    let settings: CoordinatorSettings
    let instruments: CoordinatorInstruments
    private let manifests: ManifestKeeper
    private let state = Mutex(State())

    init(_ manifests: ManifestKeeper, _ instruments: CoordinatorInstruments) {
        self.caller = manifests.caller
        self.layouts = manifests.layouts
        self.doors = manifests.doors
        self.settings = manifests.settings
        self.manifests = manifests
        self.instruments = instruments
    }

    // MARK: - The queue

    /// Remembers that a node's copy is not as it should be.
    func add(_ chunk: ChunkName, at node: NodeID, _ reason: Reason) {
        let copy = Copy(chunk: chunk, node: node)
        let now = self.doors.time.nanoseconds
        // A write may not have ended; what is damaged cannot wait.
        let delay: UInt64 = reason == .write ? 1_000_000_000 : 0
        self.state.withLock { state in
            guard state.waiting.count < Self.waitingMax else {
                if reason == .write { state.isIncomplete = true }
                return
            }
            guard state.known.insert(copy).inserted else { return }
            state.waiting.append(
                Waiting(copy: copy, reason: reason, since: now, due: now + delay)
            )
        }
    }

    /// Whether copies that writes did not make have been left to a round since this was last asked.
    func takeIncomplete() -> Bool {
        self.state.withLock { state in
            defer { state.isIncomplete = false }
            return state.isIncomplete
        }
    }

    /// Puts the queue's numbers into a status.
    func report(into status: inout HealStatus) {
        let now = self.doors.time.nanoseconds
        self.state.withLock { state in
            status.waiting = state.waiting.count
            let oldest = state.waiting.map(\.since).min()
            status.oldestSeconds = oldest.map { Double(now.elapsed(since: $0)) / 1e9 } ?? 0
            status.repaired = state.repaired
            status.givenUp = state.givenUp
        }
    }

    /// Repairs all copies whose turn has come, some at once.
    ///
    /// - Returns: the number of copies that are whole now.
    @discardableResult
    func workOff() async -> Int {
        let now = self.doors.time.nanoseconds
        var due = self.state.withLock { state in
            let due = state.waiting.filter { $0.due <= now }
            state.waiting.removeAll { $0.due <= now }
            return due
        }[...]
        var repaired = 0
        while !due.isEmpty, !Task.isCancelled {
            let batch = Array(due.prefix(self.settings.parallelPulls))
            due = due.dropFirst(batch.count)
            let outcomes = await gather(
                from: Array(batch.indices),
                background: self.doors.background,
                ask: { index in
                    await self.repair(batch[index].copy.chunk, at: batch[index].copy.node)
                },
                enough: { _ in false }
            )
            for (index, outcome) in outcomes {
                if self.settle(batch[index], outcome ?? .postponed) { repaired += 1 }
            }
        }
        return repaired
    }

    private func settle(_ waiting: Waiting, _ outcome: Outcome) -> Bool {
        let now = self.doors.time.nanoseconds
        let isRepaired =
            switch outcome {
            case .there: true
            case .notNeeded, .postponed: false
            }
        self.state.withLock { state in
            if isRepaired { state.repaired += 1 }
            guard outcome == .postponed, waiting.attempts + 1 < Self.attemptsMax else {
                if outcome == .postponed {
                    state.givenUp += 1
                    if waiting.reason == .write { state.isIncomplete = true }
                }
                state.known.remove(waiting.copy)
                return
            }
            var again = waiting
            again.attempts += 1
            again.due = now + 1_000_000_000 << UInt64(again.attempts)
            state.waiting.append(again)
        }
        if isRepaired { self.instruments.repaired(waiting.reason) }
        return isRepaired
    }

    // MARK: - One copy

    /// What a manifest's register says of its chunks.
    private enum Need: Sendable {
        case needed, dead, gone, unknown
    }

    /// Makes sure that a node has its copy of a chunk, whole.
    func repair(_ chunk: ChunkName, at node: NodeID) async -> Outcome {
        switch await self.need(of: chunk.manifest) {
        // No row yet: whoever writes the chunk has not come to it.
        case .unknown: return .postponed
        case .dead, .gone: return .notNeeded
        case .needed: break
        }
        let outcome = await self.pull(chunk, to: node)
        guard await self.isStillNeeded(chunk.manifest, at: [node]) else { return .notNeeded }
        return outcome
    }

    /// Has a node fetch a chunk unless its own copy is whole; durable on return.
    ///
    /// Whoever pulls looks at the manifest *afterwards* as well: ``isStillNeeded(_:at:)``.
    func pull(
        _ chunk: ChunkName,
        to node: NodeID,
        from known: [NodeID] = []
    ) async -> Outcome {
        guard let layout = self.layouts.layout else { return .postponed }
        let others = layout.searchList(of: chunk.partition).filter { !known.contains($0) }
        let request = PullRequest(source: chunk, target: chunk, sources: known + others)
        let reply = try? await self.caller.ask(
            node,
            .pullChunk(request),
            within: self.settings.chunkTimeout
        )
        guard case .done(let bytes)? = reply else { return .postponed }
        return .there(bytes: bytes)
    }

    private func need(of manifest: ManifestID) async -> Need {
        do throws(RegisterError) {
            let state = try await self.manifests.writer.proposer.read(
                .manifest(manifest),
                generation: 0,
                deadline: self.settings.changeDeadline
            )
            guard let value = state.value else { return .unknown }
            guard let body = value.body else { return .gone }
            guard let record = try? ManifestRecord(decoding: body) else { return .unknown }
            return record.state == .dead ? .dead : .needed
        } catch { return .unknown }
    }

    /// Whether the manifest lives after copies of its chunks have been made.
    ///
    /// If it has died meanwhile, its chunks may have been dropped there before the copies came:
    /// they are dropped once more. If it lives, whoever ends it later drops the copies with the
    /// rest.
    func isStillNeeded(_ manifest: ManifestID, at nodes: [NodeID]) async -> Bool {
        switch await self.need(of: manifest) {
        case .needed: return true
        case .dead: break
        case .gone, .unknown:
            // Gone without a trace, or not to be had. Only a chosen death lets chunks go (rule R7).
            guard let outcome = try? await self.manifests.kill(manifest) else { return true }
            if case .alive = outcome { return true }
        }
        for node in nodes {
            _ = try? await self.caller.ask(
                node,
                .dropManifest(manifest, keeping: []),
                within: self.settings.chunkTimeout
            )
        }
        return false
    }
}
