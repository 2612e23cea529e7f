import Content
import PeerProtocol
import Register
import Runtime
import StoreModel

/// What others do about a rename that they find pending.
///
/// Source: docs/protocol/renaming.md.
extension Coordinator {
    /// Times a change is made anew because a rename was pending that has been ended.
    private static let settlesMax = 10
    /// Times a read begins anew because a rename to its key has ended meanwhile.
    private static let readsMax = 10

    /// Makes a change that wants no rename to be pending, and ends the one that it meets.
    func settling<Change: RegisterChange>(
        _ target: Target,
        _ terms: WriteTerms,
        _ operation: String,
        _ change: (WriteTerms) async throws(ClusterError) -> SettledChange<Change>.Outcome
    ) async throws(ClusterError) -> Change.Outcome {
        var terms = terms
        for attempt in 0..<Self.settlesMax {
            switch try await change(terms) {
            case .settled(let outcome): return outcome
            case .pending(let rename):
                // Two renames that end one another again and again get out of step.
                if attempt > 0 { await self.proposer.replicas.pause(upTo: .milliseconds(50)) }
                terms.promised = nil
                do throws(ClusterError) {
                    let generation = target.bucket.generation
                    try await self.end(rename, at: target.key, generation: generation, operation)
                } catch {
                    // Whatever became of the rename: the change was not made.
                    guard error.code == .outcomeUnknown else { throw error }
                    throw ClusterError(.quorumUnavailable, operation, cause: error)
                }
            }
        }
        throw ClusterError(.busy, operation, facts: ["renames": "\(Self.settlesMax)"])
    }

    /// Ends a rename that is pending at a key, one way or the other.
    func end(
        _ rename: PendingRename,
        at key: RegisterKey,
        generation: UInt64,
        _ operation: String
    ) async throws(ClusterError) {
        guard case .object(let bucket, _) = key else { return }
        switch rename {
        case .incoming(let incoming):
            var decide = DecideChange(incoming)
            decide.forgetsFence = self.settings.sabotage.contains(.renameForgetsFence)
            let source = RegisterKey.object(bucket, incoming.source)
            let isMade = try await self.tidy(source, decide, generation: generation, operation)
            await self.doors.reach(.rename)
            let arrive = ArriveChange(incoming.version.id, isMade: isMade)
            try await self.arrive(arrive, at: key, generation: generation, operation)
        case .moved(let arrival, let target):
            let arrive = ArriveChange(arrival, isMade: true)
            let target = RegisterKey.object(bucket, target)
            try await self.arrive(arrive, at: target, generation: generation, operation)
            let forget = ForgetMoveChange(arrival)
            try await self.tidy(key, forget, generation: generation, operation)
        }
    }

    private func arrive(
        _ change: ArriveChange,
        at key: RegisterKey,
        generation: UInt64,
        _ operation: String
    ) async throws(ClusterError) {
        switch try await self.tidy(key, change, generation: generation, operation) {
        case .done: return
        case .refused(let refusal): throw ClusterError(refusal, operation)
        }
    }

    /// What readers find at a key to which a version is to come.
    ///
    /// The version has come if its source says so. If it does not, and the version is still to come
    /// afterwards, it had not come: the source forgets a rename only after the target.
    func resolve(
        _ record: ObjectRecord,
        _ incoming: IncomingVersion,
        _ target: Target,
        _ operation: String
    ) async throws(ClusterError) -> ObjectRecord {
        var (record, incoming) = (record, incoming)
        for _ in 0..<Self.readsMax {
            let name = ObjectName(target.name.bucket, incoming.source)
            let source = Target(name: name, bucket: target.bucket)
            await self.doors.reach(.rename)
            let there = try await self.unsettledRecord(source, operation)
            if case .moved(incoming.version.id, _)? = there.pending { return record.arrived }
            if !self.settings.sabotage.contains(.renameReadsOnce) {
                record = try await self.unsettledRecord(target, operation)
            }
            guard let now = record.incoming else { return record }
            guard now.version.id != incoming.version.id else {
                record.pending = nil
                return record
            }
            incoming = now
        }
        throw ClusterError(.busy, operation, facts: ["renames": "\(Self.readsMax)"])
    }
}
