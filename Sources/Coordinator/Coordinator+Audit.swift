import Content
import PeerProtocol
import Placement
import Register
import Runtime
package import StoreModel

extension Coordinator {
    /// Audits again and again; returns when the task is cancelled.
    func runAudits() async {
        while !Task.isCancelled {
            await self.doors.time.sleep(for: self.settings.auditInterval)
            _ = await self.audit()
        }
    }

    /// Looks at the next page of each list: of the own rows of manifests for holds that nobody
    /// needs, of the own chunks for those that no manifest has, of the own rows of objects for
    /// content without a hold, of the own rows of parts for those whose upload is closed.
    ///
    /// Every node sees to what it has itself. Passes and ages only spread the load: nothing is ever
    /// removed because of its age. Source: docs/protocol/content.md, "Audits".
    package func audit() async -> AuditSummary {
        var summary = AuditSummary()
        await self.auditHolds(into: &summary)
        await self.auditChunks(into: &summary)
        await self.auditContents(into: &summary)
        await self.auditParts(into: &summary)
        self.instruments.audited(summary)
        return summary
    }

    /// The next rows of one of the audits' lists.
    func auditPage(_ subject: ScanRequest.Subject, _ marker: SweepMarker) async -> ScanPage? {
        let scan = ScanRequest(
            subject,
            after: marker.value,
            limit: min(self.settings.auditRows, Limit.scanRows)
        )
        guard let page = await self.ownRows(scan) else { return nil }
        marker.move(to: page.next)
        return page
    }

    /// Whether something that was begun by then is to be audited.
    ///
    /// In microseconds of a clock. Only the load depends on this.
    func isOldEnough(_ begun: UInt64) -> Bool {
        begun + self.settings.auditAge.wholeMicroseconds <= self.doors.time.wallMicroseconds
    }

    /// Asks the node that drew a ballot whether it has something under way; false if it is away.
    ///
    /// Only the load depends on this, and whether a slow operation has to fail.
    func isUnderWay(_ undertaking: Undertaking, by ballot: Ballot) async -> Bool {
        guard let nodes = self.layouts.layout?.record.nodes, Int(ballot.node) < nodes.count else {
            return false
        }
        let reply = try? await self.caller.ask(
            nodes[Int(ballot.node)].id,
            .underWay(undertaking),
            within: self.settings.registerTimeout
        )
        guard case .done(1)? = reply else { return false }
        return true
    }
}

// MARK: - Holds

extension Coordinator {
    private func auditHolds(into summary: inout AuditSummary) async {
        let memory = self.auditMemory
        guard let page = await self.auditPage(.unconfirmed, memory.holds) else {
            summary.postponed += 1
            return
        }
        var due: [RegisterKey] = []
        for row in page.rows {
            guard case .manifest(let manifest) = row.key, case .live(let body) = row.content,
                let record = try? ManifestRecord(decoding: body)
            else { continue }
            let holds = record.holds.filter { !$0.confirmed }
            let passes = memory.see(manifest, unconfirmed: holds.count)
            // The first replica looks; the others do if it does not.
            let isOld = passes >= AuditMemory.oldPasses || holds.contains(where: self.isOldEnough)
            if isOld, passes >= 2 * self.turn(of: row.key) { due.append(row.key) }
        }
        if page.next == nil { self.instruments.unconfirmed(memory.endPass()) }
        let outcomes = await self.inParallel(due) { key -> AuditSummary? in
            guard case .manifest(let manifest) = key else { return nil }
            return try? await self.auditHolds(of: manifest, sparing: self.settings.auditSpares)
        }
        for (_, outcome) in outcomes {
            guard let outcome else {
                summary.postponed += 1
                continue
            }
            summary.released += outcome.released
            summary.confirmed += outcome.confirmed
            summary.postponed += outcome.postponed
        }
    }

    private func isOldEnough(_ hold: Hold) -> Bool {
        switch hold.owner {
        case .version, .upload:
            self.isOldEnough(hold.ceiling.round - min(hold.ceiling.round, Ballot.ceilingRounds))
        case .manifest(let borrower): self.isOldEnough(borrower.birth.round)
        }
    }

    /// Releases the holds of a manifest that nobody can need any more, whatever is under way.
    ///
    /// It may be done at any time, by anybody; what it costs is that a slow operation fails.
    ///
    /// - Returns: the number of holds released.
    package func auditHolds(of manifest: ManifestID) async throws(ClusterError) -> Int {
        try await self.auditHolds(of: manifest, sparing: false).released
    }

    /// Looks at each hold that is not confirmed.
    ///
    /// With `sparing` those are left alone whose operation is under way.
    private func auditHolds(
        of manifest: ManifestID,
        sparing: Bool
    ) async throws(ClusterError) -> AuditSummary {
        let operation = "audit the holds of manifest \(manifest)"
        var summary = AuditSummary()
        let state = try await self.read(.manifest(manifest), operation)
        guard let body = state.body else { return summary }
        let record: ManifestRecord
        do throws(RecordError) { record = try ManifestRecord(decoding: body) } catch {
            throw ClusterError(.internalError, operation, cause: error)
        }
        var needed: [Owner] = []
        for hold in record.holds where !hold.confirmed {
            switch try await self.audit(hold, of: manifest, sparing: sparing) {
            case .needed: needed.append(hold.owner)
            case .released: summary.released += 1
            case .undecided: summary.postponed += 1
            }
        }
        if !needed.isEmpty {
            try await self.manifests.confirm(manifest, needed)
            summary.confirmed += needed.count
        }
        return summary
    }

    enum HoldFinding: Hashable, Sendable {
        /// The owner names the manifest, and will have to be dropped before that changes.
        case needed
        case released
        case undecided
    }

    /// Releases a hold unless its owner is live, or may still become live.
    ///
    /// Source: docs/protocol/content.md, "Release".
    @discardableResult
    func audit(
        _ hold: Hold,
        of manifest: ManifestID,
        sparing: Bool
    ) async throws(ClusterError) -> HoldFinding {
        switch hold.owner {
        case .version(let key, _), .upload(let key, _):
            let now = try await self.settled(key)
            if self.names(now, manifest, hold.owner) { return .needed }
            if sparing, await self.isUnderWay(hold, of: manifest) { return .undecided }
            // What was read may change at any ballot up to the ceiling. At one above, it is
            // evidence once it is committed (rule R4).
            let fence = try await self.fence(against: now, hold, key)
            if self.names(fence, manifest, hold.owner) { return .needed }
            let left = try await self.manifests.release(manifest, hold.owner, fence: fence.ballot)
            return left == nil ? .released : .undecided
        case .manifest(let borrower):
            let finding = try await self.audit(borrower, of: manifest, sparing: sparing)
            guard finding == .released else { return finding }
            try await self.manifests.release(manifest, hold.owner, fence: borrower.birth)
            return .released
        }
    }

    private func names(_ state: RegisterState, _ manifest: ManifestID, _ owner: Owner) -> Bool {
        // A record that cannot be read is no evidence.
        guard let entry = owner.entry?.entry, let record = try? ObjectRecord(state.value) else {
            return true
        }
        if self.settings.sabotage.contains(.auditIgnoresManifest) {
            return record.hasEntry(entry)
        }
        return record.names(manifest, entry: entry)
    }

    private func isUnderWay(_ hold: Hold, of manifest: ManifestID) async -> Bool {
        if case .version(_, let version) = hold.owner {
            return await self.isUnderWay(.version(version), by: hold.ceiling)
        }
        return await self.isUnderWay(.manifest(manifest), by: manifest.birth)
    }

    /// Whether a manifest may let go of another: it is dead, or final without borrowing from it
    /// (rule R8).
    private func audit(
        _ borrower: ManifestID,
        of manifest: ManifestID,
        sparing: Bool
    ) async throws(ClusterError) -> HoldFinding {
        let operation = "audit manifest \(borrower)"
        var state = try await self.read(.manifest(borrower), operation)
        if state.value.map({ $0.changeNumber == 0 }) ?? true {
            if self.settings.sabotage.contains(.absentOwnerIsDead) { return .released }
            // Its creation may be on its way; absent is not dead.
            if sparing, await self.isUnderWay(.manifest(borrower), by: borrower.birth) {
                return .undecided
            }
            switch try await self.manifests.kill(borrower) {
            case .dead, .buried: return .released
            case .alive: state = try await self.read(.manifest(borrower), operation)
            }
        }
        guard let body = state.body else { return .released }
        guard let record = try? ManifestRecord(decoding: body) else { return .undecided }
        switch record.state {
        case .dead: return .released
        case .open:
            return self.settings.sabotage.contains(.borrowAuditWhileOpen) ? .released : .undecided
        case .sealed:
            if record.borrows.contains(manifest) { return .needed }
            return record.isFinal ? .released : .undecided
        }
    }

    /// A value of the register that was chosen during the call, for keeping.
    private func settled(_ key: RegisterKey) async throws(ClusterError) -> RegisterState {
        let operation = "audit \(key)"
        return try await self.auditing(operation) {
            try await self.completing(key) { generation throws(RegisterError) in
                try await self.proposer.read(
                    key,
                    generation: generation,
                    deadline: self.settings.changeDeadline
                )
            }
        }
    }

    /// A value committed at a ballot above a hold's ceiling.
    private func fence(
        against now: RegisterState,
        _ hold: Hold,
        _ key: RegisterKey
    ) async throws(ClusterError) -> RegisterState {
        if self.trustsPlainRead(about: hold) {
            return RegisterState(
                ballot: Ballot(highestOf: hold.ceiling),
                value: now.value
                    ?? RegisterValue(
                        changeNumber: 0,
                        lineage: [],
                        body: nil,
                        hasGarbage: false
                    )
            )
        }
        return try await self.auditing("audit \(key)") {
            try await self.completing(key) { generation throws(RegisterError) in
                if let fence = try await self.uncertainFence(
                    against: now,
                    hold,
                    key,
                    generation: generation
                ) {
                    return fence
                }
                return try await self.proposer.identity(
                    key,
                    generation: generation,
                    above: hold.ceiling,
                    deadline: self.settings.changeDeadline
                )
            }
        }
    }

    private func auditing<Value: Sendable>(
        _ operation: String,
        _ body: () async throws -> Value
    ) async throws(ClusterError) -> Value {
        do { return try await body() } catch let error as ClusterError {
            throw error
        } catch let error as RegisterError {
            throw ClusterError(error, operation)
        } catch {
            throw ClusterError(.internalError, operation, cause: error)
        }
    }
}
