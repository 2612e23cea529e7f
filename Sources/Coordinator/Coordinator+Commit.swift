import Content
import PeerProtocol
import Register
import Runtime
import StoreModel

extension Coordinator {
    /// Times a change is proposed again after the bucket's generation has moved on.
    static let fencesMax = 5

    /// Has a majority promise a ballot on a key ahead of the change; nil if that fails.
    func promise(
        _ key: RegisterKey,
        unless promised: PromisedBallot? = nil
    ) async -> PromisedBallot? {
        if let promised { return promised }
        return await self.writer.promise(key)
    }

    /// Looks up where an operation is to write, and has a ballot promised there at the same time.
    ///
    /// - Returns: the promise too, or nil if it has to be asked for.
    func prepare(_ name: ObjectName) async throws(ClusterError) -> (Target, PromisedBallot?) {
        let found = try await self.meanwhile(in: name.bucket, look: self.writableBucket) { hint in
            await self.promise(Target(name: name, bucket: hint).key)
        }
        return (Target(name: name, bucket: found.bucket), found.result ?? nil)
    }

    /// A ceiling for a version that will be proposed soon at a ballot not drawn yet.
    func ceiling(for key: RegisterKey) -> Ballot {
        self.ballots.ballot(above: .zero, for: key).ceiling
    }

    /// Makes a version the newest one: the null version if the bucket does not keep versions.
    ///
    /// It is the caller's who holds the content: see `holding`.
    ///
    /// If the version certainly did not become current, the hold is given back in the background.
    ///
    /// - Throws: `preconditionFailed`, `objectNotFound` (a condition on an absent target),
    ///   `bucketNotFound`, `busy`, `quorumUnavailable`: nothing was written. `outcomeUnknown`:
    ///   nobody knows.
    func commit(
        _ version: Version,
        at target: Target,
        condition: WriteCondition,
        holding: Holding?,
        from promised: PromisedBallot?,
        _ operation: String
    ) async throws(ClusterError) -> Version {
        do throws(ClusterError) {
            return try await self.propose(
                PutChange(version, condition: condition),
                at: target,
                holding: holding,
                from: promised,
                operation
            )
        } catch {
            if let holding, error.code != .outcomeUnknown {
                self.doors.background.run {
                    await self.manifests.abandon(holding, target)
                }
            }
            throw error
        }
    }

    private func propose(
        _ change: PutChange,
        at target: Target,
        holding: Holding?,
        from promised: PromisedBallot?,
        _ operation: String
    ) async throws(ClusterError) -> Version {
        let hold = holding.map { self.manifests.changeHold($0) }
        let terms = WriteTerms(promised: promised, hold: hold)
        let outcome = try await self.change(target, as: .put, terms, operation) { bucket in
            var change = change
            change.version.isNull = !bucket.keepsVersions
            return change
        }
        return try Self.stored(outcome, operation)
    }

    /// Changes an object's register; goes on with the bucket's new generation if that has moved on.
    ///
    /// The terms' generation is the bucket's.
    func change<Change: RegisterChange>(
        _ target: Target,
        _ change: Change,
        _ terms: WriteTerms,
        _ operation: String
    ) async throws(ClusterError) -> Change.Outcome {
        try await self.change(target, terms, operation) { _ in change }
    }

    /// The same for a change that depends on the bucket: on whether it keeps versions.
    ///
    /// It is made of the very record whose generation the accept carries, and made anew if that has
    /// moved on: no change of a former setting takes effect after the fence. Source:
    /// docs/protocol/versions.md.
    func change<Change: RegisterChange>(
        _ target: Target,
        _ terms: WriteTerms,
        _ operation: String,
        making make: (BucketRecord) -> Change
    ) async throws(ClusterError) -> Change.Outcome {
        guard case .object = target.key else {
            return try await self.changeAnyhow(target, terms, operation, making: make)
        }
        return try await self.settling(target, terms, operation) {
            terms throws(ClusterError) in
            try await self.changeAnyhow(target, terms, operation) { bucket in
                SettledChange(make(bucket), self.settings.sabotage)
            }
        }
    }

    /// The same, whatever rename is pending.
    func changeAnyhow<Change: RegisterChange>(
        _ target: Target,
        _ terms: WriteTerms,
        _ operation: String,
        making make: (BucketRecord) -> Change
    ) async throws(ClusterError) -> Change.Outcome {
        try await self.carryOut(target, terms, operation) { bucket, terms in
            let change = make(bucket)
            if self.settings.sabotage.contains(.overwriteDropsGarbage) {
                return try await self.writer.change(target.key, ForgetfulChange(change), terms)
                    .outcome
            }
            return try await self.writer.change(target.key, change, terms).outcome
        }
    }

    /// The same for a change that another node may make.
    func change<Change: ForwardableChange>(
        _ target: Target,
        as kind: ChangeRequest.Kind,
        _ terms: WriteTerms,
        _ operation: String,
        making make: (BucketRecord) -> Change
    ) async throws(ClusterError) -> Change.Outcome {
        if self.settings.sabotage.contains(.overwriteDropsGarbage) {
            return try await self.change(target, terms, operation, making: make)
        }
        return try await self.settling(target, terms, operation) { terms throws(ClusterError) in
            try await self.carryOut(target, terms, operation) { bucket, terms in
                let change = SettledChange(make(bucket), self.settings.sabotage)
                return try await self.make(change, at: target.key, as: kind, terms)
            }
        }
    }

    private func carryOut<Outcome>(
        _ target: Target,
        _ terms: WriteTerms,
        _ operation: String,
        _ work: (BucketRecord, WriteTerms) async throws -> Outcome
    ) async throws(ClusterError) -> Outcome {
        var (bucket, terms) = (target.bucket, terms)
        for _ in 0..<Self.fencesMax {
            terms.generation = bucket.generation
            do {
                return try await work(bucket, terms)
            } catch RegisterError.fenced {
                terms.promised = nil
                bucket = try await self.sameBucket(target, operation)
            } catch let error as RegisterError {
                throw ClusterError(error, operation)
            } catch let error as ClusterError {
                throw error
            } catch {
                throw ClusterError(.internalError, operation, cause: error)
            }
        }
        throw ClusterError(.busy, operation)
    }

    /// Makes a change here or, where others are in the way, has the affinity node make it: all in
    /// one span of time, the settings' `changeDeadline`.
    private func make<Change: ForwardableChange>(
        _ change: Change,
        at key: RegisterKey,
        as kind: ChangeRequest.Kind,
        _ given: WriteTerms
    ) async throws -> Change.Outcome {
        var terms = given
        let started = self.doors.time.nanoseconds
        var left: Duration {
            let taken = self.doors.time.nanoseconds.elapsed(since: started)
            return self.settings.changeDeadline - .nanoseconds(Int64(clamping: taken))
        }
        let contended = self.writer.contended
        if self.settings.forwardAfter == 0 || contended.contains(key, now: started) {
            contended.note(key, now: started)
            if let outcome = try await self.forwarder.forward(key, change, as: kind, terms) {
                contended.note(key, now: self.doors.time.nanoseconds)
                return outcome
            }
        }
        terms.mayYield = self.forwarder.affinityNode(of: key) != nil
        do {
            terms.deadline = left
            return try await self.writer.change(key, change, terms).outcome
        } catch is Yielded {
            terms.promised = nil
            terms.deadline = left
            if let outcome = try await self.forwarder.forward(key, change, as: kind, terms) {
                return outcome
            }
            terms.mayYield = false
            terms.deadline = left
            return try await self.writer.change(key, change, terms).outcome
        }
    }

    private static func stored(
        _ outcome: PutChange.Outcome,
        _ operation: String
    ) throws(ClusterError) -> Version {
        switch outcome {
        case .stored(let version): return version
        case .refused(let refusal): throw ClusterError(refusal, operation)
        }
    }

    /// The bucket of a target again, after a fence: the same one, active.
    func sameBucket(
        _ target: Target,
        _ operation: String
    ) async throws(ClusterError) -> BucketRecord {
        let bucket = try await self.writableBucket(target.name.bucket)
        guard bucket.id == target.bucket.id else { throw ClusterError(.bucketNotFound, operation) }
        return bucket
    }
}

extension SettledChange {
    /// With its rule kept, unless that is to be broken on purpose.
    init(_ base: Base, _ sabotage: Sabotage) {
        self.init(base)
        self.dropsMove = sabotage.contains(.renameDropsMove)
    }
}
