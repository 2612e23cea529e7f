import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

/// What a comparison with the other replicas brought.
package struct CatchUpSummary: Hashable, Sendable {
    /// Partitions that were compared with another replica range by range: their sums differed.
    package var partitions = 0
    /// Rows that another replica had newer, and that this node has now.
    package var rows = 0
    /// Damaged rows that were replaced.
    package var repaired = 0
    /// Comparisons and rows that failed: nodes that are away, registers that are busy.
    package var postponed = 0

    package init() {}
}

extension Coordinator {
    /// Rows found behind before they are brought, in one go.
    private static let batchRows = 256
    /// Pause after a comparison that could not be finished: each is twice as long as the one before
    /// it, and no longer than this.
    private static let retryPauses = (first: Duration.seconds(1), longest: Duration.seconds(30))
    /// Pause between two looks whether a comparison is wanted before its time.
    private static let lookPause = Duration.seconds(1)
    /// Ballots drawn for one repair.
    private static let repairsMax = 5

    /// Compares again and again, first of all after a start; returns when the task is cancelled.
    func runCatchUps() async {
        var lastScrub: UInt64?
        var retryPause = Self.retryPauses.first
        while !Task.isCancelled {
            self.healing.update { $0.isComparisonWanted = false }
            let compared = await self.catchUp()
            // Of the chunks of manifests that were not known here nobody has looked yet.
            if compared.rows > 0 { self.healing.update { $0.isRoundWanted = true } }
            var postponed = compared.postponed
            let now = self.doors.time.nanoseconds
            let scrubInterval = self.settings.scrubInterval.wholeMicroseconds * 1_000
            if lastScrub.map({ now - $0 >= scrubInterval }) ?? true {
                lastScrub = now
                postponed += await self.scrub().postponed
            }
            let interval = self.settings.catchUpInterval
            if postponed > 0 {
                await self.waitForComparison(min(interval, retryPause))
                retryPause = min(retryPause * 2, Self.retryPauses.longest)
            } else {
                await self.waitForComparison(interval)
                retryPause = Self.retryPauses.first
            }
        }
    }

    /// Waits until it is time for a comparison, or until one is wanted.
    private func waitForComparison(_ pause: Duration) async {
        let end = self.doors.time.nanoseconds + pause.wholeMicroseconds * 1_000
        while !Task.isCancelled, !self.healing.update({ $0.isComparisonWanted }) {
            let now = self.doors.time.nanoseconds
            guard now < end else { return }
            let left = Duration.nanoseconds(Int64(clamping: end - now))
            await self.doors.time.sleep(for: min(left, Self.lookPause))
        }
    }

    /// Compares the own node's rows with those of all other replicas, and has it take what it
    /// missed.
    ///
    /// Each node sees to itself: what others miss is their business.
    /// Source: docs/protocol/registers.md, "Anti-entropy".
    package func catchUp() async -> CatchUpSummary {
        var summary = CatchUpSummary()
        guard let layout = self.layouts.layout else { return summary }
        let own = self.caller.own
        for peer in layout.members where peer != own {
            guard
                let theirs = await self.digests(nil, of: peer),
                let ours = await self.digests(nil, of: own),
                theirs.count == PartitionID.all.count, ours.count == theirs.count
            else {
                summary.postponed += 1
                continue
            }
            for (index, partition) in PartitionID.all.enumerated()
            where ours[index] != theirs[index] && !Task.isCancelled {
                let replicas = layout.replicaSet(of: partition)
                guard replicas.contains(own), replicas.contains(peer) else { continue }
                await self.catchUp(on: partition, with: peer, into: &summary)
            }
        }
        self.instruments.caughtUp(summary)
        self.instruments.compared(summary)
        return summary
    }

    private func digests(_ partition: PartitionID?, of node: NodeID) async -> [RowDigest]? {
        let reply = try? await self.caller.ask(
            node,
            .digests(partition),
            within: self.settings.registerTimeout
        )
        guard case .digests(let digests)? = reply else { return nil }
        return digests
    }

    private func catchUp(
        on partition: PartitionID,
        with peer: NodeID,
        into summary: inout CatchUpSummary
    ) async {
        summary.partitions += 1
        guard
            let theirs = await self.digests(partition, of: peer),
            let ours = await self.digests(partition, of: self.caller.own),
            theirs.count == RowDigest.ranges, ours.count == theirs.count
        else {
            summary.postponed += 1
            return
        }
        let ranges = ours.indices.filter { ours[$0] != theirs[$0] }.map { UInt16($0) }
        guard !ranges.isEmpty else { return }
        do throws(PeerCallError) {
            try await self.merge(partition, ranges, with: peer, into: &summary)
        } catch { summary.postponed += 1 }
    }

    /// Goes through both nodes' rows side by side.
    private func merge(
        _ partition: PartitionID,
        _ ranges: [UInt16],
        with peer: NodeID,
        into summary: inout CatchUpSummary
    ) async throws(PeerCallError) {
        func stream(_ node: NodeID) -> BallotStream {
            BallotStream(
                self.caller,
                node,
                partition,
                ranges: ranges,
                timeout: self.settings.registerTimeout
            )
        }
        var (theirs, ours) = (stream(peer), stream(self.caller.own))
        var behind: [RegisterKey] = []
        var damaged: [RegisterKey] = []
        while !Task.isCancelled, let their = try await theirs.peek() {
            while let our = try await ours.peek(), RowBallot.precedes(our, their) {
                ours.moveOn()
            }
            let our = try await ours.peek()
            theirs.moveOn()
            guard let key = try? RegisterKey(row: their.row) else { continue }
            if our?.row == their.row, our?.accepted == nil {
                damaged.append(key)
            } else if our?.row != their.row
                || our?.accepted ?? .zero < their.accepted ?? .zero
            {
                behind.append(key)
            }
            if behind.count + damaged.count == Self.batchRows {
                await self.bring(behind, damaged, into: &summary)
                (behind, damaged) = ([], [])
            }
        }
        await self.bring(behind, damaged, into: &summary)
    }

    private enum Brought: Sendable {
        case brought, repaired, notNeeded, postponed
    }

    /// Brings rows that are behind, and those whose entry in the index is damaged.
    private func bring(
        _ behind: [RegisterKey],
        _ damaged: [RegisterKey],
        into summary: inout CatchUpSummary
    ) async {
        let outcomes =
            await self.inParallel(behind) { await self.bring($0) }
            + self.inParallel(damaged) { await self.bring($0, isIndexDamaged: true) }
        for (_, outcome) in outcomes {
            switch outcome {
            case .brought: summary.rows += 1
            case .repaired: summary.repaired += 1
            case .notNeeded: break
            case .postponed: summary.postponed += 1
            }
        }
    }

    /// Has the own node accept what has been chosen.
    ///
    /// That is a copy of an accept that a majority has taken already, so anybody may send it, and
    /// no fence stands in its way.
    private func bring(_ key: RegisterKey, isIndexDamaged: Bool = false) async -> Brought {
        do {
            let state = try await self.completing(key) { generation throws(RegisterError) in
                try await self.proposer.read(
                    key,
                    generation: generation,
                    deadline: self.settings.registerTimeout
                )
            }
            guard let value = state.value else { return .notNeeded }
            let accept = RegisterRequest.accept(state.ballot, value, generation: .max)
            switch try await self.askOwn(accept, about: key) {
            case .accepted:
                // The row may have been right all the time: only a repair writes its entry anew.
                if isIndexDamaged {
                    _ = try await self.askOwn(.repair(state.ballot, value), about: key)
                }
                return .brought
            case .corrupt:
                return try await self.repair(key) ? .repaired : .postponed
            case .conflict where value.isTombstone:
                // Erased here already; the others will follow.
                return .notNeeded
            default:
                _ = try await self.proposer.identity(
                    key,
                    generation: 0,
                    above: state.ballot,
                    deadline: self.settings.registerTimeout
                )
                return .brought
            }
        } catch { return .postponed }
    }

    private func askOwn(
        _ request: RegisterRequest,
        about key: RegisterKey
    ) async throws -> RegisterReply? {
        let reply = try await self.caller.ask(
            self.caller.own,
            .register(key, request),
            within: self.settings.registerTimeout
        )
        guard case .register(let answer) = reply else { return nil }
        return answer
    }

    // MARK: - Damaged rows

    /// Replaces a damaged row of the own node.
    ///
    /// The others commit what they have at a fresh ballot; the damaged row counts in none of their
    /// majorities. If that ballot is not above all that the own node may have promised, another one
    /// is.
    private func repair(_ key: RegisterKey) async throws -> Bool {
        var above = Ballot.zero
        for _ in 0..<Self.repairsMax {
            let lowest = above
            let state = try await self.completing(key) { generation throws(RegisterError) in
                try await self.proposer.identity(
                    key,
                    generation: generation,
                    above: lowest,
                    deadline: self.settings.registerTimeout
                )
            }
            guard let value = state.value else { return false }
            switch try await self.askOwn(.repair(state.ballot, value), about: key) {
            case .accepted: return true
            case .conflict(let newest): above = max(newest, state.ballot)
            default: return false
            }
        }
        return false
    }

    /// Repairs the rows that somebody has met damaged.
    func repairKnownDamage(into summary: inout SweepSummary) async {
        let scan = ScanRequest(.damaged(all: false), after: nil, limit: 100)
        guard let page = await self.ownRows(scan), !page.rows.isEmpty else { return }
        let outcomes = await self.inParallel(page.rows.map(\.key)) {
            (try? await self.repair($0)) ?? false
        }
        for (_, isRepaired) in outcomes {
            if isRepaired { summary.repaired += 1 } else { summary.postponed += 1 }
        }
    }

    /// Reads all rows of the own node, and repairs those that are damaged.
    package func scrub() async -> CatchUpSummary {
        var summary = CatchUpSummary()
        var after: [UInt8]?
        repeat {
            let scan = ScanRequest(.damaged(all: true), after: after, limit: 100)
            guard let page = await self.ownRows(scan) else {
                summary.postponed += 1
                break
            }
            let outcomes = await self.inParallel(page.rows.map(\.key)) {
                (try? await self.repair($0)) ?? false
            }
            let repaired = outcomes.count { $0.outcome }
            summary.repaired += repaired
            summary.postponed += outcomes.count - repaired
            after = page.next
        } while after != nil && !Task.isCancelled
        self.instruments.caughtUp(summary)
        return summary
    }
}
