import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

extension Coordinator {
    /// Tombstones looked at in one page.
    private static let erasePage = 100

    /// Erases the rows of registers that were deleted long enough ago.
    ///
    /// As with all of the sweep, a register is the business of its first replica, and of the others
    /// if that one does not see to it. A replica that is away postpones all its partitions. Source:
    /// docs/protocol/registers.md, "Erasing tombstones".
    func eraseTombstones(into summary: inout SweepSummary) async {
        let now = self.doors.time.wallMicroseconds
        let age = self.settings.tombstoneAge.wholeMicroseconds
        guard now > age else { return }
        var away: Set<PartitionID> = []
        var marker = self.eraseMarker.value
        var looked = 0
        while looked < self.settings.sweepRows, !Task.isCancelled {
            let scan = ScanRequest(
                .tombstones(before: now - age + 1),
                after: marker,
                limit: min(Self.erasePage, self.settings.sweepRows - looked)
            )
            guard let page = await self.ownRows(scan) else { break }
            looked += page.rows.count
            let due = page.rows.filter {
                !away.contains($0.key.partition)
                    && self.isDue($0.accepted.round, $0.key, after: self.settings.tombstoneAge)
            }
            let outcomes = await self.inParallel(due.map(\.key)) { await self.erase($0) }
            for (key, outcome) in outcomes {
                switch outcome {
                case .erased: summary.erased += 1
                case .notNeeded: break
                case .postponed:
                    summary.postponed += 1
                    away.insert(key.partition)
                }
            }
            marker = page.next
            guard marker != nil else { break }
        }
        self.eraseMarker.move(to: marker)
    }

    private func erase(_ key: RegisterKey) async -> EraseOutcome {
        do {
            return try await self.completing(key) { generation throws(RegisterError) in
                try await self.proposer.erase(
                    key,
                    generation: generation,
                    deadline: self.settings.registerTimeout,
                    needsAll: !self.settings.sabotage.contains(.eraseMajority),
                    mayBeJoint: self.settings.sabotage.contains(.eraseAnyConfig)
                )
            }
        } catch { return .postponed }
    }

    /// Does something that may complete what a minority holds, in the generation that the bucket
    /// has by now.
    func completing<Value: Sendable>(
        _ key: RegisterKey,
        _ body: (UInt64) async throws(RegisterError) -> Value
    ) async throws -> Value {
        let least: UInt64
        do throws(RegisterError) {
            return try await body(0)
        } catch {
            guard case .fenced(let generation) = error else { throw error }
            least = generation
        }
        return try await body(
            try await self.generation(of: key, atLeast: least, "complete \(key)")
        )
    }

    /// A page of the own node's rows; nil if it does not answer.
    func ownRows(_ scan: ScanRequest) async -> ScanPage? {
        let reply = try? await self.caller.ask(
            self.caller.own,
            .scan(scan),
            within: self.settings.registerTimeout
        )
        guard case .rows(let page)? = reply else { return nil }
        return page
    }

    /// Does the same for each register, ``CoordinatorSettings/parallelRepairs`` at once.
    ///
    /// - Returns: the outcomes in the order of `keys`.
    func inParallel<Outcome: Sendable>(
        _ keys: [RegisterKey],
        _ body: @escaping @Sendable (RegisterKey) async -> Outcome
    ) async -> [(key: RegisterKey, outcome: Outcome)] {
        var outcomes: [(key: RegisterKey, outcome: Outcome)] = []
        var left = keys[...]
        while !left.isEmpty {
            let batch = Array(left.prefix(self.settings.parallelRepairs))
            left = left.dropFirst(batch.count)
            let replies = await gather(
                from: batch,
                background: self.doors.background,
                ask: { key -> Outcome? in await body(key) },
                enough: { _ in false }
            )
            for key in batch {
                guard let reply = replies.first(where: { $0.node == key })?.reply else { continue }
                outcomes.append((key: key, outcome: reply))
            }
        }
        return outcomes
    }
}
