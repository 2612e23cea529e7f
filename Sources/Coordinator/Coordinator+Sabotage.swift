import Content
import PeerProtocol
import Register
import Runtime
import StoreModel

/// Audits as they must not be; only the simulation asks for them.
extension Coordinator {
    /// Ends a manifest that was found absent without keeping to the rules; nil if all are kept.
    func endRecklessly(_ manifest: ManifestID) async -> ChunkFinding? {
        let broken = self.settings.sabotage
        if broken.contains(.deleteOnAbsent) { return .orphans(keeping: [], isKilled: false) }
        let key = RegisterKey.manifest(manifest)
        if broken.contains(.killWithoutPrepare) { return await self.killRecklessly(manifest) }
        if broken.contains(.birthBallotUsedTwice) {
            return await self.end(manifest, at: manifest.birth)
        }
        if broken.contains(.killBelowBirth) {
            let ballot = manifest.birth.before
            guard await self.nobodyHas(key, below: ballot) else { return .postponed }
            return await self.end(manifest, at: ballot)
        }
        if broken.contains(.killIgnoresMinority) {
            guard let prepared = try? await self.proposer.prepare(key),
                prepared.value == nil || !prepared.isChosen
            else { return .postponed }
            await self.doors.reach(.kill)
            return await self.end(manifest, at: prepared.ballot)
        }
        guard broken.contains(.dropBeforeDeath) else { return nil }
        guard let prepared = try? await self.proposer.prepare(key), prepared.value == nil else {
            return .postponed
        }
        self.doors.background.run {
            await self.doors.reach(.kill)
            _ = await self.end(manifest, at: prepared.ballot)
        }
        return .orphans(keeping: [], isKilled: true)
    }

    /// An accept that nobody has promised: a creation may be chosen below it.
    func killRecklessly(_ manifest: ManifestID) async -> ChunkFinding {
        let key = RegisterKey.manifest(manifest)
        return await self.end(manifest, at: self.ballots.ballot(above: manifest.birth, for: key))
    }

    /// Has a majority take the death of a manifest at a ballot, whatever they have.
    private func end(_ manifest: ManifestID, at ballot: Ballot) async -> ChunkFinding {
        let value = RegisterValue(
            changeNumber: 1,
            lineage: [self.writer.newOperation()],
            body: ManifestRecord.stillborn.encoded,
            hasGarbage: true
        )
        let outcome = try? await self.proposer.create(.manifest(manifest), at: ballot, value)
        return outcome == .created ? .orphans(keeping: [], isKilled: true) : .postponed
    }

    /// Has a majority promise this very ballot, and see nothing.
    private func nobodyHas(_ key: RegisterKey, below ballot: Ballot) async -> Bool {
        guard let group = try? self.proposer.replicas.group(of: key) else { return false }
        let replies = await self.proposer.replicas.ask(
            .prepare(ballot),
            about: key,
            of: group,
            RoundTerms()
        ) { _ in false }
        let empty = replies.filter { $0.reply == .promised(accepted: .zero, value: nil) }
        return group.quorum.isMet(by: empty.map(\.replica))
    }

    /// Evidence that is none: a value that is not known to be chosen above the ceiling of a hold.
    ///
    /// - Returns: nil if all rules are kept.
    func uncertainFence(
        against now: RegisterState,
        _ hold: Hold,
        _ key: RegisterKey,
        generation: UInt64
    ) async throws(RegisterError) -> RegisterState? {
        let broken = self.settings.sabotage
        if broken.contains(.fenceIsOnlyAPromise) {
            let prepared = try await self.proposer.prepare(key, after: hold.ceiling)
            guard let value = prepared.value ?? now.value else { throw .contended }
            return RegisterState(ballot: prepared.ballot, value: value)
        }
        if broken.contains(.fenceOnOneReplica) {
            let prepared = try await self.proposer.prepare(key, after: hold.ceiling)
            let reply = await self.proposer.replicas.ask(
                .accept(prepared.ballot, prepared.identity, generation: .max),
                about: key,
                of: prepared.group,
                replica: 0
            )
            guard reply == .accepted else { throw .contended }
            return RegisterState(ballot: prepared.ballot, value: prepared.identity)
        }
        guard broken.contains(.auditLowFence) else { return nil }
        let state = try await self.proposer.identity(
            key,
            generation: generation,
            deadline: self.settings.changeDeadline
        )
        // Only the ceiling that was seen is passed over.
        return RegisterState(ballot: max(state.ballot, hold.ceiling.after), value: state.value)
    }

    /// Whether a hold goes without any evidence.
    func trustsPlainRead(about hold: Hold) -> Bool {
        if self.settings.sabotage.contains(.auditWithoutFence) { return true }
        guard case .upload = hold.owner else { return false }
        return self.settings.sabotage.contains(.auditKillsOpen)
    }
}

extension ObjectRecord {
    /// Whether the record has the entry, whatever it names.
    func hasEntry(_ entry: Entry) -> Bool {
        switch entry {
        case .upload(let upload): self.upload(upload) != nil
        case .version(let id): self.holders.contains { $0.id == id }
        }
    }
}

extension Ballot {
    /// A little below.
    fileprivate var before: Ballot {
        Ballot(
            round: self.round - 1,
            node: self.node,
            incarnation: self.incarnation,
            sequence: self.sequence
        )
    }

    /// A little above.
    fileprivate var after: Ballot {
        Ballot(
            round: self.round + 1,
            node: self.node,
            incarnation: self.incarnation,
            sequence: self.sequence
        )
    }
}
