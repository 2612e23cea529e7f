import Content
import PeerProtocol
import Register
import Runtime
import StoreModel

// MARK: - Chunks

extension Coordinator {
    /// Deletes chunks of the own node that no manifest has.
    ///
    /// They come from operations that ended before their manifest was created, from writes that
    /// arrived after it was dropped, and from parts that an upload did not take.
    func auditChunks(into summary: inout AuditSummary) async {
        let memory = self.auditMemory
        guard let page = await self.auditPage(.chunkManifests, memory.chunks) else {
            summary.postponed += 1
            return
        }
        let due = page.rows.map(\.key).filter { key in
            guard case .manifest(let manifest) = key else { return false }
            return self.isOldEnough(manifest.birth.round)
                || memory.seeYoung(manifest) >= AuditMemory.oldPasses
        }
        if page.next == nil { memory.endChunkPass() }
        let outcomes = await self.inParallel(due) { key -> ChunkFinding in
            guard case .manifest(let manifest) = key else { return .postponed }
            do throws(ClusterError) { return try await self.auditChunks(of: manifest) } catch {
                return .postponed
            }
        }
        for (key, outcome) in outcomes {
            guard case .manifest(let manifest) = key else { continue }
            switch outcome {
            case .kept: break
            case .postponed: summary.postponed += 1
            case .orphans(let kept, let isKilled):
                if isKilled { summary.killed += 1 }
                summary.chunksDropped += await self.dropOwn(manifest, keeping: kept)
            }
        }
    }

    enum ChunkFinding: Sendable {
        case kept
        case postponed
        /// Chunks that are in none of these runs are nobody's.
        case orphans(keeping: [SegmentRun], isKilled: Bool)
    }

    /// Rule R7: chunks go once the death of their manifest is chosen, or if it is final and does
    /// not list them.
    private func auditChunks(of manifest: ManifestID) async throws(ClusterError) -> ChunkFinding {
        let operation = "audit the chunks of manifest \(manifest)"
        let state = try await self.read(.manifest(manifest), operation)
        if state.value.map({ $0.changeNumber == 0 }) ?? true {
            return try await self.auditAbsent(manifest)
        }
        guard let body = state.body else { return .orphans(keeping: [], isKilled: false) }
        guard let record = try? ManifestRecord(decoding: body) else { return .postponed }
        switch record.state {
        case .dead: return .orphans(keeping: [], isKilled: false)
        case .open: return .kept
        case .sealed:
            // An upload may be completed once more, with other parts.
            guard record.isFinal else { return .kept }
            let own = record.segments.filter { $0.manifest == manifest }
            // A single run of a plain upload is all there ever was.
            let isPlain = own.count == 1 && own[0].part == 0
            return isPlain ? .kept : .orphans(keeping: own, isKilled: false)
        }
    }

    /// Absent is no evidence: the creation may be on its way, and is ruled out first.
    private func auditAbsent(_ manifest: ManifestID) async throws(ClusterError) -> ChunkFinding {
        await self.doors.reach(.kill)
        if let finding = await self.endRecklessly(manifest) { return finding }
        if self.settings.auditSpares,
            await self.isUnderWay(.manifest(manifest), by: manifest.birth)
        {
            return .postponed
        }
        guard case .alive = try await self.manifests.kill(manifest) else {
            return .orphans(keeping: [], isKilled: true)
        }
        return .kept
    }

    private func dropOwn(_ manifest: ManifestID, keeping kept: [SegmentRun]) async -> Int {
        let reply = try? await self.caller.ask(
            self.caller.own,
            .dropManifest(manifest, keeping: kept),
            within: self.settings.chunkTimeout
        )
        guard case .done(let count)? = reply else { return 0 }
        return Int(clamping: count)
    }
}

// MARK: - Content without a hold

extension Coordinator {
    /// Makes sure that live versions hold what they name.
    ///
    /// They do: this looks for damage, and for mistakes of ours. A hold that is missing is taken
    /// out again while the manifest lives, and counted.
    func auditContents(into summary: inout AuditSummary) async {
        guard let page = await self.auditPage(.contents, self.auditMemory.contents) else {
            summary.postponed += 1
            return
        }
        let due = page.rows.map(\.key).filter { self.turn(of: $0) == 0 }
        let outcomes = await self.inParallel(due) { key -> Int? in
            try? await self.auditContents(of: key)
        }
        for (_, missing) in outcomes {
            if let missing { summary.missing += missing } else { summary.postponed += 1 }
        }
    }

    /// - Returns: the number of holds that were missing.
    private func auditContents(of key: RegisterKey) async throws(ClusterError) -> Int {
        let operation = "audit the content of \(key)"
        var missing = 0
        for version in try await self.versions(key, operation) {
            guard case .manifest(let manifest, _, let digest, let ceiling) = version.content,
                try await !self.isHeld(manifest, by: .version(key, version.id), operation),
                // Whoever was dropped meanwhile needs none.
                try await self.versions(key, operation).contains(where: { $0.id == version.id })
            else { continue }
            missing += 1
            let holding = Holding(
                manifest: manifest,
                owner: .version(key, version.id),
                digest: digest,
                ceiling: ceiling
            )
            _ = try await self.manifests.hold(holding)
        }
        return missing
    }

    private func versions(
        _ key: RegisterKey,
        _ operation: String
    ) async throws(ClusterError) -> [Version] {
        let state = try await self.read(key, operation)
        do throws(RecordError) { return try ObjectRecord(state.value).holders } catch {
            throw ClusterError(.internalError, operation, cause: error)
        }
    }

    private func isHeld(
        _ manifest: ManifestID,
        by owner: Owner,
        _ operation: String
    ) async throws(ClusterError) -> Bool {
        let state = try await self.read(.manifest(manifest), operation)
        guard let body = state.body, let record = try? ManifestRecord(decoding: body) else {
            return false
        }
        return record.state == .sealed && record.holds.contains { $0.owner == owner }
    }
}
