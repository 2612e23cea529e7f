import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

/// Rounds of healing: every chunk of every live manifest is on all nodes that are to have it.
///
/// Source: docs/protocol/content.md, "Healing".
extension Coordinator {
    /// Looks whether a round is wanted, for one look at who is up.
    private static let probeSteps = 10

    /// Heals again and again; returns when the task is cancelled.
    func runHealing() async {
        guard !self.settings.sabotage.contains(.noHealing) else { return }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.runChunkScrub() }
            group.addTask {
                while !Task.isCancelled {
                    await self.doors.time.sleep(for: self.settings.repairPause)
                    await self.healing.repairs.workOff()
                }
            }
            await self.runRounds()
        }
    }

    private func runRounds() async {
        var lastEnd: UInt64?
        var lastEpoch: UInt64?
        var isIncomplete = false
        while !Task.isCancelled {
            let stoodStill = await self.waitForProbe()
            let epoch = self.layouts.epoch
            let up = await self.nodesUp()
            isIncomplete = self.healing.repairs.takeIncomplete() || isIncomplete
            let (isBack, isWanted, last) = self.healing.update { state in
                let isBack = !up.isSubset(of: state.up)
                let isWanted = state.isRoundWanted
                (state.up, state.isRoundWanted) = (up, false)
                // Who was out of reach has missed rows, and so has the own node if it was that.
                if isBack || stoodStill { state.isComparisonWanted = true }
                return (isBack, isWanted, state.heal.last)
            }
            let pause = self.settings
            let waited = lastEnd.map { self.doors.time.nanoseconds - $0 }
            func hasPassed(_ duration: Duration) -> Bool {
                waited.map { $0 >= duration.wholeMicroseconds * 1_000 } ?? true
            }
            // A layout that moves partitions gives their chunks new homes.
            let isDue =
                isWanted || epoch != lastEpoch || isBack || stoodStill
                || hasPassed(pause.healInterval)
                || (isIncomplete || last.postponed > 0) && hasPassed(pause.healRetry)
            guard isDue else { continue }
            isIncomplete = false
            _ = await self.heal(up: up)
            lastEpoch = epoch
            lastEnd = self.doors.time.nanoseconds
        }
    }

    /// Waits until it is time to look who is up, or until a round is wanted.
    ///
    /// - Returns: whether the process stood still meanwhile, for longer than others wait for an
    ///   answer.
    private func waitForProbe() async -> Bool {
        let step = self.settings.healProbe / Self.probeSteps
        let tooLong = (step + self.settings.registerTimeout).wholeMicroseconds * 1_000
        var stoodStill = false
        for _ in 0..<Self.probeSteps where !Task.isCancelled {
            let begin = self.doors.time.nanoseconds
            await self.doors.time.sleep(for: step)
            if self.doors.time.nanoseconds.elapsed(since: begin) > tooLong { stoodStill = true }
            if stoodStill || self.healing.update({ $0.isRoundWanted }) { break }
        }
        return stoodStill
    }

    /// The members that answer, this one included.
    func nodesUp() async -> Set<NodeID> {
        let others = (self.layouts.layout?.members ?? []).filter { $0 != self.caller.own }
        let replies = await gather(
            from: others,
            background: self.doors.background,
            ask: { node in
                try? await self.caller.ask(
                    node,
                    .describe,
                    within: self.settings.registerTimeout
                )
            },
            enough: { _ in false }
        )
        return Set(replies.filter { $0.reply != nil }.map(\.node) + [self.caller.own])
    }

    /// One round: has copies made that are missing, and brings home those that stood in for others.
    ///
    /// A manifest is the business of its first replica that is up; two nodes that see this
    /// differently do the same work twice.
    package func heal() async -> HealSummary { await self.heal(up: await self.nodesUp()) }

    private func heal(up: Set<NodeID>) async -> HealSummary {
        self.healing.update { $0.heal.isRunning = true }
        var summary = HealSummary()
        await self.restoreMissing(up: up, into: &summary)
        await self.bringHome(into: &summary)
        let done = summary
        self.healing.update { state in
            state.heal.isRunning = false
            state.heal.rounds += 1
            state.heal.last = done
            state.heal.lastEnd = self.doors.time.wallMicroseconds
        }
        self.instruments.healed(summary)
        return summary
    }

    // MARK: - Missing copies

    private func restoreMissing(up: Set<NodeID>, into summary: inout HealSummary) async {
        var batch = HealBatch()
        var after: [UInt8]?
        repeat {
            let scan = ScanRequest(.manifests, after: after, limit: Limit.scanRows)
            guard let layout = self.layouts.layout, let page = await self.ownRows(scan) else {
                summary.postponed += 1
                break
            }
            for row in page.rows {
                guard let (manifest, record) = self.charge(row, layout, up: up) else { continue }
                summary.manifests += 1
                for chunk in record.chunks(of: manifest) {
                    let homes = layout.homes(of: chunk, as: record.storageClass)
                    batch.add(chunk, as: record.storageClass, homes)
                    guard batch.isFull else { continue }
                    await self.restore(batch, into: &summary)
                    batch = HealBatch()
                }
            }
            after = page.next
        } while after != nil && !Task.isCancelled
        await self.restore(batch, into: &summary)
    }

    /// The manifest of a row, if it is sealed and this node's to look after.
    private func charge(
        _ row: ScannedRow,
        _ layout: Layout,
        up: Set<NodeID>
    ) -> (ManifestID, ManifestRecord)? {
        guard case .manifest(let manifest) = row.key, case .live(let body) = row.content,
            let record = try? ManifestRecord(decoding: body), record.state == .sealed,
            layout.replicaSet(of: row.key.partition).first(where: up.contains) == self.caller.own
        else { return nil }
        return (manifest, record)
    }

    /// Asks every home at once which of its chunks it lacks, and has it fetch them.
    ///
    /// With `up` no other nodes are asked.
    ///
    /// - Returns: the chunks that some home lacks still, if their manifests live.
    @discardableResult
    func restore(
        _ batch: HealBatch,
        up: Set<NodeID>? = nil,
        into summary: inout HealSummary
    ) async -> [Shortage] {
        guard !batch.copies.isEmpty else { return [] }
        let names = batch.names
        let replies = await gather(
            from: names.keys.sorted(),
            background: self.doors.background,
            ask: { node -> [ChunkName]? in
                if up?.contains(node) == false { return nil }
                return await self.missing(names[node] ?? [], at: node)
            },
            enough: { _ in false }
        )
        var missing: [ChunkName: [NodeID]] = [:]
        for (node, lacking) in replies.sorted(by: { $0.node < $1.node }) {
            summary.copies += names[node]?.count ?? 0
            if lacking == nil { summary.postponed += 1 }
            for chunk in lacking ?? [] { missing[chunk, default: []].append(node) }
            // A node that does not answer has none of its copies, for all that anybody knows.
            if lacking == nil { summary.underReplicated += names[node]?.count ?? 0 }
        }
        let silent = Set(replies.filter { $0.reply == nil }.map(\.node))
        var pulls: [Pull] = []
        var holders: [ChunkName: Int] = [:]
        for (chunk, _, homes) in batch.copies {
            let lacking = missing[chunk] ?? []
            let sources = homes.filter { !lacking.contains($0) && !silent.contains($0) }
            holders[chunk] = sources.count
            pulls += lacking.map { Pull(chunk: chunk, node: $0, sources: sources) }
        }
        let unneeded = await self.pull(pulls, &holders, into: &summary)
        return batch.copies.compactMap { chunk, storageClass, homes in
            let count = holders[chunk] ?? 0
            guard count < homes.count, !unneeded.contains(chunk.manifest) else { return nil }
            return Shortage(chunk: chunk, storageClass: storageClass, holders: count)
        }
    }

    /// Nil if the node does not say.
    private func missing(_ names: [ChunkName], at node: NodeID) async -> [ChunkName]? {
        let reply = try? await self.caller.ask(
            node,
            .haveChunks(names),
            within: self.settings.chunkTimeout
        )
        guard case .chunkNames(let missing)? = reply else { return nil }
        return missing
    }

    /// A copy that is to be made.
    private struct Pull: Sendable {
        let chunk: ChunkName
        let node: NodeID
        /// Nodes that said that they have it.
        let sources: [NodeID]
    }

    /// Makes copies, and counts those who have them then.
    ///
    /// - Returns: manifests that live no more.
    private func pull(
        _ pulls: [Pull],
        _ holders: inout [ChunkName: Int],
        into summary: inout HealSummary
    ) async -> Set<ManifestID> {
        var unneeded: Set<ManifestID> = []
        var left = pulls[...]
        while !left.isEmpty, !Task.isCancelled {
            let batch = Array(left.prefix(self.settings.parallelPulls))
            left = left.dropFirst(batch.count)
            let outcomes = await gather(
                from: Array(batch.indices),
                background: self.doors.background,
                ask: { index -> ChunkRepairs.Outcome? in
                    await self.healing.repairs.pull(
                        batch[index].chunk,
                        to: batch[index].node,
                        from: batch[index].sources
                    )
                },
                enough: { _ in false }
            )
            let byManifest = Dictionary(grouping: outcomes) { batch[$0.node].chunk.manifest }
            for manifest in byManifest.keys.sorted() {
                let made = byManifest[manifest] ?? []
                let nodes = Set(made.map { batch[$0.node].node }).sorted()
                guard await self.healing.repairs.isStillNeeded(manifest, at: nodes) else {
                    unneeded.insert(manifest)
                    continue
                }
                for (index, outcome) in made {
                    summary.count(outcome ?? .postponed)
                    if case .there? = outcome { holders[batch[index].chunk, default: 0] += 1 }
                }
            }
        }
        return unneeded
    }
}

extension HealSummary {
    mutating func count(_ outcome: ChunkRepairs.Outcome) {
        switch outcome {
        case .there(let bytes):
            self.restored += 1
            self.bytes += bytes
        case .notNeeded: break
        case .postponed:
            self.underReplicated += 1
            self.postponed += 1
        }
    }
}
