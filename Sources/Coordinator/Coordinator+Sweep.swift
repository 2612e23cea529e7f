import Content
import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

/// What a sweep did.
package struct SweepSummary: Hashable, Sendable {
    /// Rows with work that were looked at.
    package var rows = 0
    package var released = 0
    /// Dead manifests whose chunks every node has dropped.
    package var buried = 0
    /// Renames that were left unfinished, and ended.
    package var renames = 0
    /// Tombstones whose rows were erased.
    package var erased = 0
    /// Damaged rows that were replaced.
    package var repaired = 0
    /// Rows left for later: their time has not come, or a node is missing.
    package var postponed = 0
    /// When the oldest of what was dropped, and is kept back or could not be released, was dropped:
    /// microseconds of a clock.
    package var oldestDropped: UInt64?
}

extension Coordinator {
    /// How much longer the next replica of a register leaves its work to the one before it.
    private static let turnDelay = Duration.seconds(20)
    /// Dropped entries of one key that are not kept back for readers any more.
    private static let garbageKept = 100

    /// Sweeps again and again, catches up with the other replicas, audits and heals; returns when
    /// the task is cancelled.
    package func runSweeps() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.runCatchUps() }
            group.addTask { await self.runAudits() }
            group.addTask { await self.runHealing() }
            group.addTask { await self.runSteward() }
            while !Task.isCancelled {
                await self.doors.time.sleep(for: self.settings.sweepInterval)
                _ = await self.sweep()
            }
        }
    }

    /// Works off what changes have dropped, as far as the own node has rows that say so.
    ///
    /// Each row is the business of the first replica; the others step in later. Doing it twice is
    /// harmless. Source: docs/protocol/content.md, "Sweep".
    package func sweep() async -> SweepSummary {
        var summary = SweepSummary()
        var after = self.garbageMarker.value
        self.garbageMarker.move(to: nil)
        while summary.rows < self.settings.sweepRows {
            let scan = ScanRequest(
                .garbage,
                after: after,
                limit: min(100, self.settings.sweepRows - summary.rows)
            )
            let reply = try? await self.caller.ask(
                self.caller.own,
                .scan(scan),
                within: self.settings.registerTimeout
            )
            guard case .rows(let page)? = reply else { break }
            for row in page.rows {
                summary.rows += 1
                await self.sweep(row.key, into: &summary)
            }
            guard let next = page.next else { break }
            after = next
            // What cannot be done now must not keep the rest from being done.
            if summary.rows >= self.settings.sweepRows { self.garbageMarker.move(to: next) }
        }
        self.instruments.waiting(
            rows: summary.postponed,
            seconds: summary.oldestDropped.map { oldest in
                let now = self.doors.time.wallMicroseconds
                return Double(now.elapsed(since: oldest)) / 1_000_000
            } ?? 0
        )
        await self.eraseTombstones(into: &summary)
        await self.repairKnownDamage(into: &summary)
        self.instruments.swept(summary)
        return summary
    }

    private func sweep(_ key: RegisterKey, into summary: inout SweepSummary) async {
        do throws(ClusterError) {
            switch key {
            case .object: try await self.sweepObject(key, into: &summary)
            case .manifest(let manifest):
                // Ballots that are ahead of the clock tell no time, and whose turn it is may not
                // know of the death.
                let birth = manifest.birth.round
                guard
                    self.turn(of: key) == 0 || self.isDue(birth, key)
                        || birth > self.doors.time.wallMicroseconds
                else {
                    summary.postponed += 1
                    return
                }
                guard case .dead(let borrows) = try await self.manifests.kill(manifest) else {
                    return await self.catchUp(key, try await self.read(key, "sweep \(key)"))
                }
                try await self.manifests.finish(manifest, borrows: borrows)
                summary.buried += 1
            case .part, .bucket, .layout, .accessKeys: return
            }
        } catch {
            summary.postponed += 1
        }
    }

    /// Releases what an object's register says was dropped, and makes it forget that.
    private func sweepObject(
        _ key: RegisterKey,
        into summary: inout SweepSummary
    ) async throws(ClusterError) {
        // Only a chosen value is evidence (rule R4). No bucket: nothing is completed on its behalf.
        let state = try await self.garbageState(of: key)
        let record: ObjectRecord
        do throws(RecordError) { record = try ObjectRecord(state.value) } catch {
            throw ClusterError(.internalError, "sweep \(key)", cause: error)
        }
        if let pending = record.pending {
            // Whoever began it ends it himself, unless he crashes.
            if self.isDue(record.modified.microseconds, key) {
                try await self.end(pending, at: key, generation: 0, "sweep \(key)")
                summary.renames += 1
            } else {
                summary.postponed += 1
            }
            if record.garbage.isEmpty { return }
        }
        if record.garbage.isEmpty { return await self.catchUp(key, state) }
        let started = summary.oldestDropped
        for garbage in record.garbage {
            let dropped = min(garbage.fence.round, record.modified.microseconds)
            summary.oldestDropped = min(summary.oldestDropped ?? dropped, dropped)
        }
        let isCrowded = record.garbage.count > Self.garbageKept
        let due = record.garbage.filter { garbage in
            // Overwriting quickly drives the ballots of a key ahead of the clock, second by second.
            let dropped = min(garbage.fence.round, record.modified.microseconds)
            return isCrowded || self.isDue(dropped, key)
        }
        guard !due.isEmpty else {
            summary.postponed += 1
            return
        }
        for garbage in due {
            try await self.release(garbage, of: key)
            if case .upload(let upload) = garbage.entry {
                try await self.clear(upload, of: garbage.manifest, key)
            }
            summary.released += 1
        }
        try await self.forget(due, key)
        if due.count == record.garbage.count { summary.oldestDropped = started }
    }

    /// What is known to have been dropped from a key.
    private func garbageState(of key: RegisterKey) async throws(ClusterError) -> RegisterState {
        if self.settings.sabotage.contains(.garbageFromOneReplica),
            case .register(.row(let accepted, let value))? = try? await self.caller.ask(
                self.caller.own,
                .register(key, .read),
                within: self.settings.registerTimeout
            )
        {
            return RegisterState(ballot: accepted, value: value)
        }
        return try await self.read(key, generation: 0, "sweep \(key)")
    }

    /// Releases what a dropped entry held.
    private func release(_ garbage: Garbage, of key: RegisterKey) async throws(ClusterError) {
        let owner = garbage.entry.owner(in: key)
        let ceiling = try await self.manifests.release(
            garbage.manifest,
            owner,
            fence: garbage.fence
        )
        guard let ceiling else { return }
        // A late retry of the operation has raised its ceiling beyond that of its version. No audit
        // would look at a confirmed hold again.
        try await self.audit(
            Hold(owner: owner, ceiling: ceiling),
            of: garbage.manifest,
            sparing: false
        )
    }

    /// Brings the own replica up to what has been chosen: its row says that there is work, and all
    /// of it has been done while the node was away.
    ///
    /// Otherwise each sweep would come back to the row, and rows enough would take up whole sweeps.
    /// Anybody may repeat an accept, and what is chosen may be repeated behind any fence. Where the
    /// own row is newer than what is chosen, nobody knows whether it will be: an identity decides.
    private func catchUp(_ key: RegisterKey, _ state: RegisterState) async {
        guard let value = state.value else { return }
        let reply = try? await self.caller.ask(
            self.caller.own,
            .register(key, .accept(state.ballot, value, generation: .max)),
            within: self.settings.registerTimeout
        )
        guard case .register(.conflict(let newest))? = reply else { return }
        _ = try? await self.completing(key) { generation throws(RegisterError) in
            try await self.proposer.identity(
                key,
                generation: generation,
                above: newest,
                deadline: self.settings.registerTimeout
            )
        }
    }

    /// Whether the time for something dropped by then has come, for this node, after `grace`.
    ///
    /// In microseconds of a clock. Only readers and the load depend on this.
    func isDue(_ dropped: UInt64, _ key: RegisterKey, after grace: Duration? = nil) -> Bool {
        let grace = grace ?? self.settings.releaseGrace
        let wait = grace + Self.turnDelay * self.turn(of: key)
        return dropped + wait.wholeMicroseconds <= self.doors.time.wallMicroseconds
    }

    /// This node's place in the line of those who sweep a row.
    func turn(of key: RegisterKey) -> Int {
        let replicas = self.layouts.layout?.replicaSet(of: key.partition) ?? []
        return replicas.firstIndex(of: self.caller.own) ?? replicas.count
    }

    private func forget(_ released: [Garbage], _ key: RegisterKey) async throws(ClusterError) {
        let operation = "sweep \(key)"
        try await self.tidy(key, ForgetChange(released), generation: 0, operation)
    }

    /// Makes a change of an object's register that nobody waits for: also after somebody has begun
    /// to delete the bucket, or has deleted it.
    ///
    /// `generation` is the bucket's as far as it is known.
    @discardableResult
    func tidy<Change: RegisterChange>(
        _ key: RegisterKey,
        _ change: Change,
        generation: UInt64,
        _ operation: String
    ) async throws(ClusterError) -> Change.Outcome {
        var generation = generation
        for _ in 0..<2 {
            do throws(ClusterError) {
                return try await self.writer.change(
                    key,
                    generation: generation,
                    change,
                    operation
                ).outcome
            } catch {
                guard case .fenced(let least)? = error.cause as? RegisterError else { throw error }
                generation = try await self.generation(of: key, atLeast: least, operation)
            }
        }
        throw ClusterError(.busy, operation)
    }

    /// The generation under which rows of a bucket may be written after somebody has begun to
    /// delete it.
    ///
    /// Rows of a bucket that is gone are nobody's any more: they may be cleaned up at any time.
    func generation(
        of key: RegisterKey,
        atLeast least: UInt64,
        _ operation: String
    ) async throws(ClusterError) -> UInt64 {
        guard let id = key.bucket else { return least }
        let buckets = try await self.listing().buckets()
        guard let record = buckets.first(where: { $0.1.id == id })?.1 else { return .max }
        guard record.state == .active else { throw ClusterError(.busy, operation) }
        return record.generation
    }
}

extension Duration {
    /// Microseconds, 0 for negative durations.
    var wholeMicroseconds: UInt64 {
        let (seconds, attoseconds) = self.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(min(seconds, 1 << 40)) * 1_000_000
            + UInt64(attoseconds / 1_000_000_000_000)
    }
}
