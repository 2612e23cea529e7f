import Content
import PeerProtocol
import Register
import Runtime
import StoreModel

/// Renames: two keys change, and whoever looks sees both as they were or both as they are.
///
/// Source: docs/protocol/renaming.md.
extension Coordinator {
    /// Times a rename begins anew because its source has changed.
    private static let renamesMax = 5

    /// What a rename has found before it writes anything.
    private struct RenamePlan: Sendable {
        let request: RenameRequest
        let source: Target
        let target: Target
        let promised: PromisedBallot?
        let record: ObjectRecord
        let version: Version
        let operation: String
    }

    package func rename(_ request: RenameRequest) async throws(ClusterError) -> ObjectSummary {
        let operation = "rename \(request.bucket)/\(request.source) to \(request.target)"
        for attempt in 1...Self.renamesMax {
            let plan = try await self.planRename(request, operation)
            let summary = self.summary(of: plan.version, at: plan.source)
            try request.sourceCheck(summary)
            if request.source == request.target {
                if let refusal = request.targetCheck(summary) {
                    throw ClusterError(refusal, operation)
                }
                return summary
            }
            if let stored = try await self.carryOut(plan) {
                return self.summary(of: stored, at: plan.target)
            }
            if attempt > 1 { await self.proposer.replicas.pause(upTo: .milliseconds(50)) }
        }
        throw ClusterError(.busy, operation, facts: ["attempts": "\(Self.renamesMax)"])
    }

    /// Reads the source, and has a ballot promised at the target: at once if the bucket is known.
    private func planRename(
        _ request: RenameRequest,
        _ operation: String
    ) async throws(ClusterError) -> RenamePlan {
        @Sendable func plan(_ bucket: BucketRecord) async -> Result<RenamePlan, ClusterError> {
            let source = Target(name: ObjectName(request.bucket, request.source), bucket: bucket)
            let target = Target(name: ObjectName(request.bucket, request.target), bucket: bucket)
            async let promise = self.promise(target.key)
            let found = await outcome { () throws(ClusterError) in
                try await self.record(source, operation)
            }
            let promised = await promise
            return await outcome { () throws(ClusterError) in
                let record = try found.get()
                guard let version = record.current else {
                    throw ClusterError(.sourceNotFound, operation)
                }
                return RenamePlan(
                    request: request,
                    source: source,
                    target: target,
                    promised: promised,
                    record: record,
                    version: version,
                    operation: operation
                )
            }
        }
        let found = try await self.meanwhile(
            in: request.bucket,
            look: self.writableBucket,
            plan
        )
        guard found.bucket.settings.versioning == .never else {
            throw ClusterError(.bucketKeepsVersions, operation)
        }
        if let result = found.result { return try result.get() }
        return try await plan(found.bucket).get()
    }

    /// - Returns: nil if the source has changed: it has to be looked up again.
    private func carryOut(_ plan: RenamePlan) async throws(ClusterError) -> Version? {
        let entry = self.newVersion()
        let undertakings = [Undertaking.version(entry)]
        self.begin(undertakings)
        defer { self.end(undertakings) }
        var arriving = plan.version
        arriving.id = entry
        // A completion of that upload has made an object of the other key.
        arriving.upload = nil
        var holding: Holding?
        if case .manifest(let manifest, let segments, let digest, _) = plan.version.content {
            let content = SharedContent(
                manifest: manifest,
                storageClass: plan.version.storageClass,
                segments: segments,
                digest: digest
            )
            let wanted = WantedHold(
                key: plan.target.key,
                entry: entry,
                ceiling: self.ceiling(for: plan.target.key),
                generation: plan.target.bucket.generation
            )
            guard let held = try await self.manifests.reach(content, for: wanted) else {
                return nil
            }
            arriving.content = held.content(segments)
            holding = held
        }
        let incoming = IncomingVersion(
            arriving,
            from: plan.request.source,
            plan.version.id,
            fence: plan.record.fence
        )
        async let promise = self.promise(plan.source.key)
        let offered = try await self.offer(incoming, plan, holding)
        return try await self.move(offered, plan, from: await promise) ? offered.version : nil
    }

    /// Tells the target of the version that is to come.
    ///
    /// Nothing can come of an offer whose source was not changed: if its outcome is unknown, the
    /// rename has certainly not been made.
    private func offer(
        _ incoming: IncomingVersion,
        _ plan: RenamePlan,
        _ holding: Holding?
    ) async throws(ClusterError) -> IncomingVersion {
        do throws(ClusterError) {
            let outcome = try await self.change(
                plan.target,
                holding: holding,
                from: plan.promised,
                plan.operation
            ) { bucket in
                OfferChange(
                    incoming,
                    isAllowed: bucket.settings.versioning == .never,
                    now: self.ballots.now()
                ) { version in
                    plan.request.targetCheck(version.map { ObjectSummary($0, in: bucket) })
                }
            }
            switch outcome {
            case .offered(let offered): return offered
            case .refused(let refusal):
                if let holding { self.giveBack(holding, plan.target) }
                throw ClusterError(refusal, plan.operation)
            case .versioned:
                if let holding { self.giveBack(holding, plan.target) }
                throw ClusterError(.bucketKeepsVersions, plan.operation)
            }
        } catch {
            guard error.code == .outcomeUnknown else { throw error }
            self.endLater(incoming, plan)
            throw ClusterError(.quorumUnavailable, plan.operation, cause: error)
        }
    }

    /// Has the source let go of its version, and the target take it.
    ///
    /// - Returns: false if the source has changed; the rename has been made undone.
    private func move(
        _ incoming: IncomingVersion,
        _ plan: RenamePlan,
        from promised: PromisedBallot?
    ) async throws(ClusterError) -> Bool {
        let arrival = incoming.version.id
        await self.doors.reach(.rename)
        // For the arrival: it is used by whoever changes the target first.
        async let ahead = self.promise(plan.target.key)
        let outcome: MoveChange.Outcome
        do throws(ClusterError) {
            let now = self.ballots.now()
            let terms = WriteTerms(promised: promised)
            outcome = try await self.change(plan.source, terms, plan.operation) { bucket in
                var change = MoveChange(
                    plan.version,
                    fence: plan.record.fence,
                    to: plan.request.target,
                    as: arrival,
                    now: now
                )
                change.isAllowed = bucket.settings.versioning == .never
                return change
            }
        } catch {
            self.endLater(incoming, plan)
            throw error
        }
        _ = await ahead
        if outcome == .moved {
            await self.complete(arrival, plan)
            return true
        }
        let pending = PendingRename.incoming(incoming)
        // Whoever meets it ends it as well.
        try? await self.end(
            pending,
            at: plan.target.key,
            generation: plan.target.bucket.generation,
            plan.operation
        )
        switch outcome {
        case .moved, .changed: return false
        case .refused(let refusal): throw ClusterError(refusal, plan.operation)
        case .versioned: throw ClusterError(.bucketKeepsVersions, plan.operation)
        }
    }

    /// The rest of a rename that has been made.
    ///
    /// Nobody depends on it: without it others have more to look at. The source forgets in the
    /// background.
    private func complete(_ arrival: VersionID, _ plan: RenamePlan) async {
        let generation = plan.target.bucket.generation
        await self.doors.reach(.rename)
        let outcome = try? await self.tidy(
            plan.target.key,
            ArriveChange(arrival, isMade: true),
            generation: generation,
            plan.operation
        )
        guard outcome == .done else { return }
        self.doors.background.run {
            await self.doors.reach(.rename)
            _ = try? await self.tidy(
                plan.source.key,
                ForgetMoveChange(arrival),
                generation: generation,
                plan.operation
            )
        }
    }

    private func endLater(_ incoming: IncomingVersion, _ plan: RenamePlan) {
        self.doors.background.run {
            try? await self.end(
                .incoming(incoming),
                at: plan.target.key,
                generation: plan.target.bucket.generation,
                plan.operation
            )
        }
    }
}
